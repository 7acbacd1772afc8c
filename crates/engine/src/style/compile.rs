//! Brand and style to one sheet, in the order: font faces, `:host`, components, selectors, raw CSS.

use cojson::json::Json;

use super::rules::RuleWriter;
use super::safety::{Piece, check_piece};
use super::sources::Sources;
use super::tokens::Tokens;
use super::{CONTAINER_NAME, Stylesheet};
use crate::definition_error::{DefinitionError, Place};

/// Compiles both documents; either may be missing.
pub(super) fn compile(
    brand: Option<&Json>,
    style: Option<&Json>,
) -> Result<Stylesheet, DefinitionError> {
    let sources = Sources::new(brand, style)?;
    let tokens = Tokens::read(&sources)?;
    let mut writer = RuleWriter::new(&sources, &tokens);
    writer.font_faces(&tokens.font_faces)?;
    let font_faces_bytes = writer.css.len();
    host(&mut writer, &tokens);
    writer.components(&sources.section("components"))?;
    let selectors = sources.section("selectors");
    if !selectors.is_empty() {
        writer.line("/* State-based selectors */");
        writer.selectors(&selectors)?;
    }
    let mut css = writer.css;
    raw(&mut css, &sources, &tokens)?;
    Ok(Stylesheet {
        css,
        font_faces_bytes,
        warnings: tokens.warnings,
    })
}

fn host(writer: &mut RuleWriter<'_>, tokens: &Tokens) {
    writer.line(":host {");
    for (name, value) in tokens.custom_properties() {
        writer.line(&format!("  {name}: {value};"));
    }
    writer.line("  container-type: inline-size;");
    writer.line(&format!("  container-name: {CONTAINER_NAME};"));
    writer.line("}");
}

fn raw(css: &mut String, sources: &Sources<'_>, tokens: &Tokens) -> Result<(), DefinitionError> {
    for (index, (document, text)) in sources.raw_css().enumerate() {
        let rules = tokens.interpolate_rules(text);
        check_piece(&rules, Piece::Rules).map_err(|found| {
            let place = Place::root(document).key("rawCSS");
            place.error_text("rules that are complete and import nothing", found)
        })?;
        if index == 0 {
            css.push_str("/* Raw CSS fallback */\n");
        }
        css.push_str(rules.trim());
        css.push('\n');
    }
    Ok(())
}
