/** The entry of `seeme-boxes.js`: defines the element `<seeme-boxes>`, once. */
import { define, SeemeBoxes } from './boxes/element.js';

define();

export { SeemeBoxes };
