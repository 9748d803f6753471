/** The module build: importing it defines the element, on a server it does nothing. */
import { define } from './element.js';
import { fromOwnTag } from './endpoint.js';

export { SeemeFeedback } from './element.js';

define(fromOwnTag);
