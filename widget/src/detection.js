/** Detection mode: the boxes of a prediction, from the page or from the service, and what a person says of each. */
import { define } from './boxes/element.js';
import english from './lang/en.detection.json';

/** What a page can style from outside. */
const parts = 'viewport,image,box,line,tag,zoom_out,zoom_in,draw,undo,status,list,row,name,verdict,label,x,y,width,height';

/**
 * @param {import('./parts.js').Kit} kit
 * @returns {import('./parts.js').Part}
 */
export default function createDetection({ host, body, texts, make, button, context, send }) {
  define();
  const boxes = /** @type {any} */ (document.createElement('seeme-boxes'));
  /** @type {Record<string, string>} The latest verdict on each detection, and every missed object. */
  let sent = {};
  let turns = 0;
  const element = make('section', {}, boxes, button('send', () => {
    for (const judgement of boxes.value) {
      const words = JSON.stringify(judgement);
      const key = judgement.detection_index ?? words;
      if (sent[key] !== words) send(judgement);
      sent[key] = words;
    }
  }));
  boxes.setAttribute('exportparts', parts);
  // Those of another language may be there already.
  Object.assign(texts, { ...english, ...texts });
  body.append(element);

  return {
    async update() {
      const turn = ++turns;
      const { strings, labels, imageSrc, readOnly } = host;
      const own = host.hasAttribute('boxes') && host.boxes;
      element.hidden = host.mode !== 'detection';
      if (element.hidden) return;
      const known = own && labels[0] ? undefined : await context();
      // Another prediction may have come meanwhile.
      if (turn !== turns) return;
      const { detections, image_size: imageSize, input_url: address } = known?.prediction ?? {};
      const found = own || detections;
      Object.assign(boxes, {
        imageSize, imageSrc: imageSrc || address, labels: labels[0] ? labels : known?.labels ?? [],
        strings: found ? strings : { ...strings, empty: strings.no_boxes },
        // Without boxes there is nothing that could be missed either.
        readOnly: readOnly || !found || host.matches(':disabled'), boxes: found || [],
      });
    },

    reset() {
      sent = {};
      boxes.reset();
    },
  };
}
