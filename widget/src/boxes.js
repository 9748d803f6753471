/** The entry of `seeme-boxes.js`: defines the element `<seeme-boxes>`, once. */
import { SeemeBoxes } from './boxes/element.js';

if (globalThis.customElements && !customElements.get('seeme-boxes')) customElements.define('seeme-boxes', SeemeBoxes);

export { SeemeBoxes };
