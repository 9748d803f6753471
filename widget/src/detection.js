/** Detection mode: the boxes of a prediction, from the page or from the service, and what a person says of each. */
import { createEditor } from './boxes/editor.js';
import english from './lang/en.detection.json';

/**
 * @param {import('./parts.js').Kit} kit
 * @returns {import('./parts.js').Part}
 */
export default function createDetection({ host, root, body, texts, make, button, context, send }) {
  const editor = createEditor(root, make, button);
  /** The verdicts that were sent last. */
  let sent = '';
  let turns = 0;
  const element = make('section', {}, editor.element, button('send', () => {
    const judgements = editor.value();
    for (const judgement of judgements) {
      if (!sent.includes(JSON.stringify(judgement))) send(/** @type {any} */ (judgement));
    }
    sent = JSON.stringify(judgements);
  }));
  // Those of another language may be there already.
  Object.assign(texts, { ...english, ...texts });
  body.append(element);

  return {
    async update() {
      const turn = ++turns;
      const { labels } = host;
      const own = host.hasAttribute('boxes') && host.boxes;
      element.hidden = host.mode !== 'detection';
      if (element.hidden) return;
      const known = own && labels[0] ? undefined : await context();
      // Another prediction may have come meanwhile.
      if (turn !== turns) return;
      const { detections, image_size: imageSize, input_url: address } = known?.prediction ?? {};
      editor.update({
        imageSize, imageSrc: host.imageSrc || address || '', labels: labels[0] ? labels : known?.labels ?? [],
        strings: host.strings, boxes: own || detections, readOnly: host.readOnly || host.matches(':disabled'),
      });
    },

    reset() {
      sent = '';
      editor.reset();
    },
  };
}
