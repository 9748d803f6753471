/** The tag in Vue 3: `import '@seeme/feedback/vue'` defines the element and brings these types. */
import type { EmitFn, HTMLAttributes, PublicProps } from 'vue';
import type { Detection, SeemeFeedbackEventMap, Strings, Vote } from './feedback-widget.js';

export * from './feedback-widget.js';

/** In a template they may be written with hyphens, as in HTML. */
export interface SeemeFeedbackProps {
  modelId: string;
  predictionId: string;
  apiKey: string;
  endpoint?: string;
  mode?: 'rating' | 'correction' | 'both' | 'detection';
  predictedLabel?: string;
  labels?: readonly string[] | string;
  imageSrc?: string;
  boxes?: readonly Detection[] | string;
  subject?: string;
  predictionToken?: string;
  theme?: 'auto' | 'light' | 'dark';
  disabled?: boolean;
  readOnly?: boolean;
  noQueue?: boolean;
  name?: string;
  value?: '1' | '0' | '-1' | '';
  rating?: Vote;
  strings?: Partial<Strings>;
}

/** What a template knows of the element. */
export interface SeemeFeedbackInTemplate {
  $props: SeemeFeedbackProps & HTMLAttributes & PublicProps;
  $emit: EmitFn<{ [Name in keyof SeemeFeedbackEventMap]: (event: SeemeFeedbackEventMap[Name]) => void }>;
}

declare module 'vue' {
  interface GlobalComponents {
    'seeme-feedback': new () => SeemeFeedbackInTemplate;
  }
}
