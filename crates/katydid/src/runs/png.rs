//! Charts as pixels, for places that show no SVG.

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// Pixels for each unit of a chart, so that it is sharp on screens that have many.
const SCALE: f32 = 2.0;
/// Pixels of white around it.
const MARGIN: u16 = 16;
/// Fonts that are liked, the first that the machine has; any other one if it has none of them.
const FONTS: [&str; 7] = [
    "Inter",
    "DejaVu Sans",
    "Liberation Sans",
    "Noto Sans",
    "Segoe UI",
    "Helvetica",
    "Arial",
];

/// Why a chart cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The machine has no fonts, and charts have numbers.
    #[error(
        "this machine has no fonts to write the numbers of charts with; install some (on Debian fonts-dejavu-core), \
         or choose --format svg"
    )]
    NoFonts,
    /// The chart is not what this can draw.
    #[error("the chart cannot be drawn: {0}")]
    Chart(#[from] resvg::usvg::Error),
    /// There is no room for its pixels.
    #[error("the chart is too large to be drawn")]
    Size,
    /// It cannot be written as PNG.
    #[error("the chart cannot be written as PNG: {0}")]
    Png(String),
}

/// Draws charts with the machine's fonts.
pub(super) struct Painter(Options<'static>);

impl Painter {
    /// Looks what fonts there are, which takes a moment.
    pub(super) fn new() -> Result<Self, Error> {
        let mut options = Options::default();
        let fonts = options.fontdb_mut();
        fonts.load_system_fonts();
        let families = || fonts.faces().flat_map(|face| &face.families);
        let has = |wanted: &&str| families().any(|(name, _)| name == wanted);
        let liked = FONTS.into_iter().find(has).map(str::to_owned);
        let family = liked.or_else(|| Some(families().next()?.0.clone()));
        let family = family.ok_or(Error::NoFonts)?;
        fonts.set_sans_serif_family(family.clone());
        options.font_family = family;
        Ok(Self(options))
    }

    /// A chart on white, as PNG.
    pub(super) fn png(&self, svg: &str) -> Result<Vec<u8>, Error> {
        let tree = Tree::from_str(svg, &self.0)?;
        let size = tree.size().to_int_size();
        let size = size.scale_by(SCALE).ok_or(Error::Size)?;
        let (width, height) = (
            size.width() + 2 * u32::from(MARGIN),
            size.height() + 2 * u32::from(MARGIN),
        );
        let mut pixels = Pixmap::new(width, height).ok_or(Error::Size)?;
        pixels.fill(Color::WHITE);
        let margin = f32::from(MARGIN);
        let place = Transform::from_scale(SCALE, SCALE).post_translate(margin, margin);
        resvg::render(&tree, place, &mut pixels.as_mut());
        pixels
            .encode_png()
            .map_err(|error| Error::Png(error.to_string()))
    }
}
