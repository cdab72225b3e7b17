//! Reads what Locust's clients post: forms, either URL-encoded or in parts.

use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::page;

/// A form of more bytes than this is refused.
const LARGEST: usize = 1 << 20;

/// Every field with its values, in the order they were sent.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Fields(Vec<(String, Vec<String>)>);

impl Fields {
    fn add(&mut self, name: &str, value: String) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.push(value),
            None => self.0.push((name.to_owned(), vec![value])),
        }
    }

    fn urlencoded(body: &[u8]) -> Self {
        let mut fields = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            fields.add(&name, value.into_owned());
        }
        fields
    }

    async fn multipart(mut parts: Multipart) -> Result<Self, Response> {
        let mut fields = Self::default();
        while let Some(part) = parts
            .next_field()
            .await
            .map_err(IntoResponse::into_response)?
        {
            let Some(name) = part.name().map(ToOwned::to_owned) else {
                continue;
            };
            let value = part.text().await.map_err(IntoResponse::into_response)?;
            fields.add(&name, value);
        }
        Ok(fields)
    }
}

impl From<Fields> for Value {
    /// Pairs, as an object would not keep their order.
    fn from(Fields(fields): Fields) -> Self {
        json!(fields)
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Response;

    /// A body of another kind has no fields, as in Locust.
    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match media(request.headers()).as_str() {
            "application/x-www-form-urlencoded" => {
                let body = axum::body::to_bytes(request.into_body(), LARGEST).await;
                let body = body.map_err(|_| {
                    page::plain(StatusCode::PAYLOAD_TOO_LARGE, "The form is too large.")
                })?;
                Ok(Self::urlencoded(&body))
            }
            "multipart/form-data" => {
                let parts = Multipart::from_request(request, state).await;
                Self::multipart(parts.map_err(IntoResponse::into_response)?).await
            }
            _ => Ok(Self::default()),
        }
    }
}

/// Whether a body is a form, by what its sender says.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    matches!(
        media(headers).as_str(),
        "application/x-www-form-urlencoded" | "multipart/form-data"
    )
}

fn media(headers: &HeaderMap) -> String {
    let media = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media = media.and_then(|media| media.split(';').next());
    media.unwrap_or("").trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urlencoded(body: &str) -> Value {
        Fields::urlencoded(body.as_bytes()).into()
    }

    #[test]
    fn every_value_of_a_field_is_kept_and_so_is_the_order() {
        assert_eq!(
            urlencoded("user_count=1&user_classes=B&user_classes=A&host=http%3A%2F%2Fa+b"),
            json!([
                ["user_count", ["1"]],
                ["user_classes", ["B", "A"]],
                ["host", ["http://a b"]]
            ])
        );
    }

    #[test]
    fn blank_values_are_values() {
        assert_eq!(
            urlencoded("run_time=&host"),
            json!([["run_time", [""]], ["host", [""]]])
        );
        assert_eq!(urlencoded(""), json!([]));
    }
}
