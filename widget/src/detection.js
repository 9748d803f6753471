/** Detection mode: the boxes of a prediction, and what a person says of each. */
import { createEditor } from './boxes/editor.js';

/**
 * @param {import('./parts.js').Kit} kit
 * @returns {import('./parts.js').Part}
 */
export default function createDetection({ host, root, body, texts, make, button, lane, load, send, fail }) {
  /** @returns {Promise<import('./parts.js').Shown | undefined>} */
  const context = async () => (await load('extras'))?.context();
  const last = () => lane()?.items.at(-1);
  const retry = button('retry', async () => {
    host.reset();
    await context();
    // What is hidden again can't keep the focus.
    host.focus();
    retry.focus();
  });
  const editor = createEditor(root, make, button, undefined, button('send', () => editor.submit((judgement, supersedes) => {
    const before = last();
    send(/** @type {any} */ ({ ...judgement, supersedes }));
    const item = last();
    // The page may have stopped it.
    return item !== before && /** @type {any} */ (item).id;
  })), retry);
  const element = make('section', { ariaBusy: 'true' }, editor.element);
  body.append(element);
  // The texts come with the extras, in any language.
  context().then(() => texts.boxes || fail('error'));

  return {
    async update() {
      element.hidden = host.mode !== 'detection';
      if (element.hidden || !texts.boxes) return;
      const given = await context();
      // Another prediction may have come meanwhile.
      if (!given) return;
      element.ariaBusy = 'false';
      retry.hidden = !given.failed;
      editor.update({ ...given, strings: host.strings, readOnly: host.readOnly || host.matches(':disabled') });
    },

    reset() {
      // The boxes of another prediction keep the place until the next ones come, but must not be judged.
      element.ariaBusy = 'true';
      editor.reset();
    },
  };
}
