/** What the service lets a page know of a model, and with a token of a prediction; and what detection mode shows of it. */
import { fetched } from './fetched.js';

/** @typedef {import('./parts.js').Context} Context */

/** @param {import('./parts.js').Kit} kit */
export function createContext({ host, lane, update }) {
  /** @type {Record<string, Promise<Context | undefined>>} By what they depend on; one that failed is kept too. */
  let answers = {};
  /** @type {Context | undefined} The last one that came. */
  let known;
  /** Counts the predictions. */
  let turn = 0;

  /**
   * Ask once, and again when the key or the token is another one.
   * @returns {Promise<Context | undefined>} undefined when no answer came
   */
  function ask() {
    const { modelId, predictionId, apiKey, predictionToken } = host;
    const query = new URLSearchParams({ model_id: modelId, prediction_id: predictionId });
    const address = `${lane()?.address}/v1/widget-context?${query}`;
    const headers = { Authorization: 'Bearer ' + apiKey, ...(predictionToken && { 'Prediction-Token': predictionToken }) };
    const mine = turn;
    return (answers[[address, apiKey, predictionToken].join(' ')] ??= fetched(address, headers).then((found) => {
      // Another prediction may be shown by now.
      if (!found || mine !== turn) return found;
      const renewed = known;
      known = found;
      if (renewed) update();
      return found;
    }));
  }

  return {
    ask,

    /** Ask again next time, whatever came. */
    forget() {
      answers = {};
    },

    reset() {
      turn++;
      answers = {};
      known = undefined;
    },

    /**
     * What detection mode shows: what the page says, and for the rest what the service does.
     * @returns {Promise<import('./parts.js').Shown | undefined>} undefined when another prediction has come meanwhile
     */
    async shown() {
      const mine = turn;
      const asked = host.hasAttribute('boxes') && host.labels[0] ? undefined : ask();
      // With a renewed token the boxes stay until others come, also while the service is away.
      const answer = known ?? await asked;
      if (mine !== turn) return undefined;
      const found = known ?? answer;
      const { labels } = host;
      const own = host.hasAttribute('boxes') && host.boxes;
      const { detections, image_size: imageSize, input_url: address } = found?.prediction ?? {};
      return {
        boxes: own || detections, labels: labels[0] ? labels : found?.labels ?? [],
        imageSrc: host.imageSrc || address || '', imageSize, failed: !own && !found,
      };
    },
  };
}
