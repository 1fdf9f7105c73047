// Opens pages in Chromium at each width and scheme, and prints what is wrong with them as JSON: a list for each page.
// Arguments: Chromium, a folder for screenshots, then the pages. NODE_PATH leads to puppeteer-core and axe-core.
const { basename, join } = require("node:path");
const { pathToFileURL } = require("node:url");
const puppeteer = require("puppeteer-core");
const { source } = require("axe-core");

const SIZES = [[400, 800], [1280, 900]];
const SCHEMES = ["light", "dark"];

async function look(browser, path, [width, height], scheme, picture) {
  const wrong = [];
  const page = await browser.newPage();
  const own = pathToFileURL(path).href;
  page.on("console", (said) => wrong.push(`console: ${said.text()}`));
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (request.url().split("#")[0] !== own) wrong.push(`asks for ${request.url().slice(0, 200)}`);
  });
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(own);
  const [wide, styled] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    [...document.styleSheets].some((sheet) => sheet.cssRules.length > 0),
  ]);
  if (wide > width) wrong.push(`is ${wide} pixels wide on ${width}`);
  if (!styled) wrong.push("has no style: its policy does not allow it");
  await page.screenshot({ path: picture });
  await page.evaluate(source);  // through the debugger, which no policy of the page forbids
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  for (const { id, nodes } of found.violations) wrong.push(`axe: ${id}: ${nodes[0].html.slice(0, 200)}`);
  await page.close();
  return wrong.map((each) => `${width} ${scheme}: ${each}`);
}

(async () => {
  const [program, folder, ...paths] = process.argv.slice(2);
  const browser = await puppeteer.launch({ executablePath: program, args: ["--no-sandbox", "--disable-gpu"] });
  const wrong = {};
  for (const path of paths) {
    wrong[path] = [];
    for (const size of SIZES) {
      for (const scheme of SCHEMES) {
        const picture = join(folder, `${basename(path, ".html")}-${size[0]}-${scheme}.png`);
        wrong[path].push(...(await look(browser, path, size, scheme, picture)));
      }
    }
  }
  await browser.close();
  process.stdout.write(JSON.stringify(wrong));
})();
