//! A request as each provider takes it.

use std::borrow::Cow;

use super::{Document, RerankDialect, RerankRequest};
use crate::Lossy;
use crate::json::Writer;
use crate::protocol::Untranslatable;

/// What a provider calls things.
struct Form {
    dialect: RerankDialect,
    /// The model is named in the body.
    model: bool,
    query: Shape,
    documents: (&'static str, Shape),
    /// How many of the best to name; the gateway picks them where there is no word for it.
    most: Option<&'static str>,
    /// It knows `max_tokens_per_doc`.
    cut: bool,
    /// A member that is always said, and its value as JSON.
    always: Option<(&'static str, &'static str)>,
}

/// How a text is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// As a string.
    Plain,
    /// As an object with `text`.
    Object,
    /// As a string, and once for each document.
    Repeated,
}

const COHERE: Form = Form {
    dialect: RerankDialect::Cohere,
    model: true,
    query: Shape::Plain,
    documents: ("documents", Shape::Plain),
    most: Some("top_n"),
    cut: true,
    always: None,
};

const FORMS: [Form; 9] = {
    use RerankDialect as D;
    [
        COHERE,
        Form {
            dialect: D::Jina,
            ..COHERE
        },
        Form {
            dialect: D::Voyage,
            most: Some("top_k"),
            cut: false,
            ..COHERE
        },
        Form {
            dialect: D::Nvidia,
            query: Shape::Object,
            documents: ("passages", Shape::Object),
            most: None,
            cut: false,
            // Refused otherwise, where Cohere cuts a long document of itself.
            always: Some(("truncate", "\"END\"")),
            ..COHERE
        },
        Form {
            dialect: D::BedrockCohere,
            model: false,
            always: Some(("api_version", "2")),
            ..COHERE
        },
        Form {
            dialect: D::BedrockAmazon,
            model: false,
            cut: false,
            ..COHERE
        },
        Form {
            dialect: D::DeepInfra,
            model: false,
            query: Shape::Repeated,
            most: None,
            cut: false,
            ..COHERE
        },
        Form {
            dialect: D::Cloudflare,
            model: false,
            documents: ("contexts", Shape::Object),
            most: Some("top_k"),
            cut: false,
            ..COHERE
        },
        Form {
            dialect: D::Tei,
            model: false,
            documents: ("texts", Shape::Plain),
            most: None,
            cut: false,
            // Refused otherwise, as with NVIDIA.
            always: Some(("truncate", "true")),
            ..COHERE
        },
    ]
};

/// Bytes that repeating a query may make of it.
const MOST_REPEATED: usize = 16 << 20;

/// Writes a request for a provider, naming in `lossy` what it cannot carry.
pub fn write_request(
    dialect: RerankDialect,
    request: &RerankRequest<'_>,
    model: &str,
    lossy: &mut Lossy,
) -> Result<Vec<u8>, Untranslatable> {
    let form = FORMS
        .iter()
        .find(|form| form.dialect == dialect)
        .unwrap_or(&COHERE);
    let mut w = Writer::with_capacity(1024);
    w.open();
    if form.model {
        w.text("model", model);
    }
    match form.query {
        Shape::Plain => {
            w.text("query", &request.query);
        }
        Shape::Object => {
            w.key("query").open().text("text", &request.query).close();
        }
        // Source: DeepInfra's rerankers, of which some score the first query with the first document, and so on.
        Shape::Repeated => {
            let times = request.documents.len();
            if request.query.len().saturating_mul(times) > MOST_REPEATED {
                return Err(Untranslatable::new(
                    "documents",
                    "this provider takes the query once for each document, and that is too much: send fewer documents",
                ));
            }
            w.key("queries").open_list();
            for _ in 0..times {
                w.string(&request.query);
            }
            w.close_list();
        }
    }
    let own = matches!(dialect, RerankDialect::Cohere | RerankDialect::Jina);
    // Fields of documents are named in the request where they are ranked by them. Source: Together's API reference.
    let by_fields = dialect == RerankDialect::Jina && request.extra.peek("rank_fields").is_some();
    let (name, shape) = form.documents;
    w.key(name).open_list();
    for document in &request.documents {
        match (document.object, text(document)) {
            (Some(raw), None) if dialect == RerankDialect::Jina => {
                w.raw(raw);
            }
            (Some(raw), _) if by_fields => {
                w.raw(raw);
            }
            (_, None) => {
                return Err(Untranslatable::new(
                    "documents",
                    "this provider ranks texts: send each as a string or an object with `text`",
                ));
            }
            (_, Some(text)) if shape == Shape::Object => {
                w.open().text("text", text).close();
            }
            (_, Some(text)) => {
                w.string(text);
            }
        }
    }
    w.close_list();
    if let (Some(name), Some(most)) = (form.most, &request.top_n) {
        w.member(name, most);
    }
    match &request.max_tokens_per_doc {
        Some(most) if form.cut => {
            w.member("max_tokens_per_doc", most);
        }
        Some(_) => lossy.lose_named("max_tokens_per_doc"),
        None => {}
    }
    if let Some((name, value)) = form.always {
        w.key(name).literal(value);
    }
    if own {
        w.rest(&request.extra);
    } else {
        lossy.lose_members("", &request.extra);
    }
    w.close();
    Ok(w.into_bytes())
}

fn text<'d>(document: &'d Document<'_>) -> Option<&'d str> {
    document.text.as_ref().map(Cow::as_ref)
}
