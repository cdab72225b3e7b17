//! Which requests a condition is about.

use crate::registry::Name;

/// Which requests a condition is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Selector {
    /// A pattern of a name, a method, or both.
    Pattern(String),
    /// A name that stood in quotes, and the pattern of its method.
    Quoted {
        method: Option<String>,
        name: String,
    },
}

impl Selector {
    /// Reads a selector, or tells the byte of a quote that is not closed.
    pub(super) fn parse(text: &str) -> Result<Self, usize> {
        let quote = |at: &usize| text[*at..].starts_with(['"', '\'']);
        // A name begins the selector, or follows its method.
        let second = text.find(char::is_whitespace).unwrap_or(0);
        let begin = [0, text.len() - text[second..].trim_start().len()];
        let Some(at) = begin.into_iter().find(quote) else {
            return Ok(Self::Pattern(text.to_owned()));
        };
        let inside = &text[at + 1..];
        let name = inside.strip_suffix(&text[at..=at]).ok_or(at)?;
        let method = text[..at].trim_end();
        Ok(Self::Quoted {
            method: (!method.is_empty()).then(|| method.to_owned()),
            name: name.to_owned(),
        })
    }

    pub(super) fn selects(&self, name: &Name) -> bool {
        match self {
            Self::Pattern(pattern) => {
                matches(pattern, &name.name)
                    || matches(pattern, &name.method)
                    || matches(pattern, &format!("{} {}", name.method, name.name))
            }
            Self::Quoted {
                method,
                name: quoted,
            } => {
                *quoted == *name.name
                    && method
                        .as_ref()
                        .is_none_or(|method| matches(method, &name.method))
            }
        }
    }
}

/// Whether a pattern, in which `*` stands for anything, is a text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abc", true),
            ("a*c", "abcd", false),
            ("a*b*c", "a-b-c", true),
            ("ab", "abc", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
