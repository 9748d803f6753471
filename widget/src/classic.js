/** The classic script of the documents' tag. */
import { define } from './element.js';
import { fromCurrentScript } from './endpoint.js';

define(fromCurrentScript);
