// What every page does with a script: local times, copy buttons.
import { localise, sharpen } from "./times.js";

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  let done = "Copied";
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    // Without https there is no clipboard: select the text, so that one key copies it.
    getSelection().selectAllChildren(source);
    done = "Selected: press Ctrl+C";
  }
  button.textContent = done;
  setTimeout(() => { button.textContent = "Copy"; }, 2500);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", () => copy(button));
}
const zone = document.querySelector("[data-zone]");
if (zone) zone.textContent = `Times are those of ${Intl.DateTimeFormat().resolvedOptions().timeZone ?? "your device"}.`;
const contents = document.querySelector("[data-contents]");
if (contents) {
  // The page comes with it closed, as a narrow window wants it; beside the text there is room for it.
  const roomy = matchMedia("(min-width: 861px)");
  const follow = () => { contents.open = roomy.matches; };
  roomy.addEventListener("change", follow);
  follow();
}
localise();
sharpen();
setInterval(() => localise(), 30_000);
