/** Build dist/ from src/: the same bytes on every machine, so that a test can compare them with what is committed. */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { minify } from 'terser';

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, 'src');
const output = resolve(process.argv[2] ?? join(here, 'dist'));
// What constructable style sheets, ElementInternals and color-mix() need; older browsers show the light-DOM fallback.
const target = ['chrome111', 'edge111', 'firefox121', 'safari16.4'];

/** Style sheets become minified strings, because a strict CSP allows them only through adoptedStyleSheets. */
const styles = {
  name: 'styles',
  setup(/** @type {import('esbuild').PluginBuild} */ builder) {
    builder.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, 'utf8'), { loader: 'css', minify: true, target });
      return { contents: code.trim(), loader: 'text' };
    });
  },
};

const codes = (await readdir(join(source, 'lang'))).map((file) => file.replace('.json', '')).filter((code) => !code.includes('.')).sort();

/**
 * Bundle one file; terser makes what esbuild leaves 3 % smaller.
 * @param {string} entry
 * @param {string} name
 * @param {Partial<import('esbuild').BuildOptions>} [options]
 */
async function bundle(entry, name, options) {
  const { outputFiles: [file] } = await build({
    absWorkingDir: here,
    entryPoints: [join(source, entry)],
    bundle: true,
    minify: true,
    format: 'esm',
    target,
    tsconfigRaw: '{}',
    legalComments: 'none',
    plugins: [styles],
    external: ['./feedback-*.js'],
    define: { LANGUAGES: JSON.stringify(codes) },
    write: false,
    ...options,
  });
  const { code } = await minify(file.text, {
    module: true,
    compress: { passes: 3, unsafe: true, unsafe_arrows: true, unsafe_methods: true, ecma: 2020 },
    // Names that no other file and no page uses.
    mangle: { properties: { regex: /^(brief|ready|answer|settle|render|was|fields|moved|edges|verdict|said)$/ } },
    // Pages that don't declare their encoding would show broken texts.
    format: { ascii_only: true },
  });
  await writeFile(join(output, name), code + '\n');
}

/**
 * The texts of a language for the element, and those that detection mode needs beside them.
 * @param {string} code
 */
async function writeTexts(code) {
  const { dir = '', core, correction, detection } = JSON.parse(await readFile(join(source, 'lang', `${code}.json`), 'utf8'));
  await writeFile(join(output, `feedback-widget.${code}.json`), JSON.stringify({ lang: code, dir, ...core, ...correction }));
  await writeFile(join(output, `feedback-detection.${code}.json`), JSON.stringify(detection ?? {}));
}

await mkdir(output, { recursive: true });
for (const part of ['extras', 'detection']) await bundle(`${part}.js`, `feedback-${part}.js`);
await bundle('boxes.js', 'seeme-boxes.js');
await bundle('assign.js', 'seeme-assign.js');
const hash = createHash('sha256');
for (const part of ['extras', 'detection']) hash.update(await readFile(join(output, `feedback-${part}.js`)));
const define = { VERSION: JSON.stringify(hash.digest('hex').slice(0, 4)) };
await bundle('classic.js', 'feedback-widget.js', { format: 'iife', define });
await bundle('module.js', 'feedback-widget.esm.js', { define });
for (const code of codes) await writeTexts(code);
for (const types of ['feedback-widget', 'react', 'vue', 'seeme-assign']) {
  await copyFile(join(source, `${types}.d.ts`), join(output, `${types}.d.ts`));
}
