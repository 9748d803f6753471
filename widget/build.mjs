/** Build dist/ from src/: the same bytes on every machine, so that a test can compare them with what is committed. */
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, 'src');
const output = resolve(process.argv[2] ?? join(here, 'dist'));
// What constructable style sheets, ElementInternals and color-mix() need; older browsers show the light-DOM fallback.
const target = ['chrome111', 'edge111', 'firefox119', 'safari16.4'];

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

const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  target,
  // Pages that don't declare their encoding would show broken texts.
  charset: /** @type {const} */ ('ascii'),
  tsconfigRaw: '{}',
  legalComments: /** @type {const} */ ('none'),
  banner: { js: '/*! Apache-2.0 */' },
  plugins: [styles],
};

await mkdir(output, { recursive: true });
await build({ ...common, entryPoints: [join(source, 'classic.js')], format: 'iife', outfile: join(output, 'feedback-widget.js') });
await build({ ...common, entryPoints: [join(source, 'module.js')], format: 'esm', outfile: join(output, 'feedback-widget.esm.js') });
await copyFile(join(source, 'feedback-widget.d.ts'), join(output, 'feedback-widget.d.ts'));
