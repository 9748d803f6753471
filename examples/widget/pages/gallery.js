/** Brings each element into the state that its heading names, by what a person or a page can do with it. */

const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

/** Wait until a part of an element is to be seen. */
async function shown(element, selector) {
  for (;;) {
    const found = element.shadowRoot.querySelector(selector);
    if (found?.checkVisibility()) return found;
    await pause();
  }
}

const acts = {
  // Not awaited: some are never answered.
  up: (element) => void element.rate(1),
  down: (element) => void element.rate(-1),
  back(element) {
    element.rate(1);
    element.rate(0);
  },
  corrected: (element) => void element.correct('fox', 'The tail is too bushy for a dog.'),
  async open(element) {
    (await shown(element, '[part~=correct]')).click();
    await shown(element, '[part~=form]');
  },
  async fill(element) {
    (await shown(element, '[part~=label]')).value = 'hedgehog';
    (await shown(element, '[part~=notes]')).value = 'It rolled up.';
  },
  async judge(element) {
    await shown(element, '[part~=verdict]');
    ['correct', 'wrong_label', 'false_positive'].forEach((verdict, index) => {
      const field = element.shadowRoot.querySelectorAll('[part~=verdict]')[index];
      field.value = verdict;
      field.dispatchEvent(new Event('change', { bubbles: true }));
    });
  },
};

for (const input of document.querySelectorAll('.switches input')) {
  input.onchange = () => {
    if (input.name === 'scheme') document.documentElement.style.colorScheme = input.value;
    else document.documentElement.dir = input.value;
  };
}

for (const element of document.querySelectorAll('seeme-feedback[lang]')) {
  const heading = element.closest('article').querySelector('h3');
  const names = new Intl.DisplayNames([element.lang], { type: 'language' });
  if (heading.textContent === element.lang) heading.textContent += ` · ${names.of(element.lang)}`;
}

// What is inert takes no focus: the page stays where it is, whatever opens on it.
const main = document.querySelector('main');
main.inert = true;
await Promise.all(Array.from(document.querySelectorAll('[data-act]'), async (element) => {
  for (const act of element.dataset.act.split(' ')) await acts[act](element);
}));
main.inert = false;
