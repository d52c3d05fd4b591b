// Sets formulas with MathJax, for mathematics.py.
//
//     node mathematics.js FOLDER_OF_MATHJAX < formulas.json > set.json
//
// In come pairs [TeX, whether it is displayed]; out come, for each, the HTML that MathJax
// makes of it in a browser and its MathML, and the style sheet that all of them need.

const [folder] = process.argv.slice(2);
const formulas = JSON.parse(require("fs").readFileSync(0, "utf8"));

const config = {
  loader: {
    paths: { mathjax: folder },
    load: ["input/tex-full", "output/chtml", "adaptors/liteDOM"],
    require,
  },
  // An error shall be one: these two would show the TeX in its place.
  tex: { packages: { "[-]": ["noerrors", "noundefined"] } },
  chtml: { fontURL: "fonts", matchFontHeight: false },
  startup: { typeset: false },
};

console.warn = () => {}; // the adaptor has no version number, and MathJax says so

require(`${folder}/node-main.js`)
  .init(config)
  .then((MathJax) => {
    const { adaptor } = MathJax.startup;
    const set = formulas.map(([tex, display]) => [
      adaptor.outerHTML(MathJax.tex2chtml(tex, { display })),
      MathJax.tex2mml(tex, { display }),
    ]);
    const css = adaptor.textContent(MathJax.chtmlStylesheet());
    process.stdout.write(JSON.stringify({ set, css }));
  })
  .catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
