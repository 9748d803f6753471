/** The tag in React 19: `import '@seeme/feedback/react'` defines the element and brings these types. */
import type { ClassAttributes, HTMLAttributes } from 'react';
import type { Detection, SeemeFeedbackElement, SeemeFeedbackEventMap, Strings, Vote } from './feedback-widget.js';

export * from './feedback-widget.js';

/** React adds a listener for the name after `on` as it is written. */
type Listeners = {
  [Name in keyof SeemeFeedbackEventMap as `on${Name}`]?: (event: SeemeFeedbackEventMap[Name]) => void;
};

/** Names as in HTML, so that a server renders them too. */
export interface SeemeFeedbackAttributes
  extends HTMLAttributes<SeemeFeedbackElement>, ClassAttributes<SeemeFeedbackElement>, Listeners {
  'model-id': string;
  'prediction-id': string;
  'api-key': string;
  endpoint?: string;
  mode?: 'rating' | 'correction' | 'both' | 'detection';
  'predicted-label'?: string;
  labels?: readonly string[] | string;
  'image-src'?: string;
  boxes?: readonly Detection[] | string;
  subject?: string;
  'prediction-token'?: string;
  theme?: 'auto' | 'light' | 'dark';
  disabled?: boolean;
  readOnly?: boolean;
  'no-queue'?: boolean;
  name?: string;
  value?: '1' | '0' | '-1' | '';
  rating?: Vote;
  strings?: Partial<Strings>;
}

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'seeme-feedback': SeemeFeedbackAttributes;
    }
  }
}
