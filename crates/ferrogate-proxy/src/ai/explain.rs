//! What would become of a model call. Nothing is sent.

use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;
use ferrogate_auth::Principal;
use ferrogate_llm::{ModelRequest, Operation, Surface};
use ferrogate_providers::{LogicalModel, Plan, PlannedTarget, Target};
use ferrogate_types::KeyId;
use http::HeaderMap;
use serde_json::{Value, json};

use super::asked::Asking;
use super::gateway::ModelGateway;
use super::refusal::Refusal;
use super::{authorize, intake, policy};

/// A model call to explain.
#[derive(Clone, Debug)]
pub struct ExplainedCall<'a> {
    /// The path, without the query.
    pub path: &'a str,
    /// Header fields.
    pub headers: &'a HeaderMap,
    /// The body; of a call without one, only the surface is explained.
    pub body: Option<Bytes>,
    /// Where it would come from.
    pub address: Option<IpAddr>,
    /// The id of the key that would call.
    pub key: Option<KeyId>,
}

/// What would become of it.
#[derive(Clone, Debug)]
pub struct CallExplanation {
    /// For people, a line each.
    pub lines: Vec<String>,
    /// For machines.
    pub json: Value,
}

/// Says which model and targets a call would meet with every provider well, and why, or why it would be refused.
///
/// What depends on the moment (breakers, parked credentials, latencies, limits used up) is as at a start.
pub fn call(gateway: &ModelGateway, asked: &ExplainedCall<'_>) -> CallExplanation {
    let mut told = Told::default();
    let refused = explain(gateway, asked, &mut told).err();
    if let Some(refusal) = refused {
        told.lines.push(format!(
            "=> refused: {} ({})",
            refusal.message(),
            refusal.code_name()
        ));
        told.member("refused", json!(refusal.code_name()));
        told.member("message", json!(refusal.message()));
    }
    CallExplanation {
        lines: told.lines,
        json: Value::Object(told.json),
    }
}

#[derive(Default)]
struct Told {
    lines: Vec<String>,
    json: serde_json::Map<String, Value>,
}

impl Told {
    fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn member(&mut self, name: &str, value: Value) {
        self.json.insert(name.to_owned(), value);
    }
}

fn explain(
    gateway: &ModelGateway,
    asked: &ExplainedCall<'_>,
    told: &mut Told,
) -> Result<(), Refusal> {
    let Some((surface, addressed)) = Surface::at(asked.path) else {
        told.line("a path of the gateway that is no model call");
        return Ok(());
    };
    told.line(format!("surface `{}`", surface.as_str()));
    told.member("surface", json!(surface.as_str()));
    let principal = match &asked.key {
        None => Principal::Anonymous,
        Some(id) => {
            let key = gateway.keys.get(id.as_str());
            Principal::Key(key.ok_or_else(|| no_such_key(id))?)
        }
    };
    match principal.key() {
        Some(key) => told.line(format!("key `{}`", key.id())),
        None if gateway.auth_required => {
            told.line("no key: taken as allowed from here on (`--key ID` explains for one)");
        }
        None => told.line("no key is needed"),
    }
    authorize::scope(gateway, &principal, surface.scope())?;
    let Some(body) = asked.body.clone() else {
        told.line(match surface.operation() {
            Operation::Realtime => "a session names its model when it begins",
            _ => "no body: `-d BODY` explains model and targets",
        });
        return Ok(());
    };
    let kind = intake::content_type(asked.headers);
    let request = intake::decode(surface, addressed.as_deref(), &kind, body)?;
    let model = authorize::model(gateway, &principal, request.model())?;
    describe(&model, request.model(), told);
    let planned = targets(gateway, asked, &principal, &model, &request, told)?;
    told.member("targets", planned);
    for name in &model.spec.routing.fallback_models {
        match authorize::model(gateway, &principal, name.as_str()) {
            Ok(other) => {
                told.line(format!("then the model `{}`:", other.name()));
                let planned = targets(gateway, asked, &principal, &other, &request, told)?;
                told.member(&format!("fallback:{}", other.name()), planned);
            }
            Err(refusal) => told.line(format!(
                "not the model `{name}`: {} ({})",
                refusal.message(),
                refusal.code_name()
            )),
        }
    }
    Ok(())
}

fn no_such_key(id: &KeyId) -> Refusal {
    Refusal::new(
        super::refusal::RefusalCode::NotFound,
        format!("there is no key `{id}`"),
    )
}

fn describe(model: &LogicalModel, asked: &str, told: &mut Told) {
    let spec = &model.spec;
    if spec.pattern {
        told.line(format!("model `{asked}`, by the pattern `{}`", spec.name));
    } else if spec.name.as_str() == asked {
        told.line(format!("model `{asked}`"));
    } else {
        told.line(format!("model `{}`, by the alias `{asked}`", spec.name));
    }
    told.member("model", json!(model.name().as_str()));
    let routing = serde_json::to_value(&spec.routing).unwrap_or_default();
    let word = |value: &Value| match value {
        Value::String(word) => word.clone(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    };
    told.line(format!("strategy {}", word(&routing["strategy"])));
    if let Some(hedge) = &spec.routing.hedge {
        told.line(format!(
            "a second target beside a first one that is silent for {} ms, at most {} % of the calls",
            hedge.after.as_millis(),
            hedge.max_extra_percent
        ));
    }
    told.member("routing", routing);
}

/// The targets of one model in the order they would be tried, as lines and as JSON.
fn targets(
    gateway: &ModelGateway,
    asked: &ExplainedCall<'_>,
    principal: &Principal,
    model: &LogicalModel,
    request: &ModelRequest,
    told: &mut Told,
) -> Result<Value, Refusal> {
    let key = principal.key().map(|key| key.id().as_str());
    let asking = Asking::new(request, model, asked.headers, key)?;
    let surface = request.surface();
    let call = policy::Call {
        principal,
        scope: surface.scope(),
        surface: surface.as_str(),
        address: asked.address,
        priced: None,
    };
    let judge = policy::Judge::new(gateway, call);
    let allowed = |target: &Target| judge.allows(model, target);
    let mut plan = Plan::new(model, &asking, allowed, Instant::now());
    if let Some(named) = authorize::named(asked.headers)
        && !plan.only(&named)
    {
        return Err(authorize::not_named(model));
    }
    if plan.is_forbidden() {
        return Err(judge.refusal(model));
    }
    let mut listed = Vec::new();
    for (number, planned) in plan.targets.iter().enumerate() {
        told.line(format!("  {}. {}", number + 1, one(planned)));
        listed.push(as_json(gateway, planned));
    }
    for skip in &plan.skipped {
        told.line(format!("  -  {}: {}", skip.provider, skip.reason.as_str()));
        listed.push(json!({ "provider": skip.provider, "skipped": skip.reason.as_str() }));
    }
    if plan.targets.is_empty() {
        told.line("  => nobody would be asked");
    }
    Ok(Value::Array(listed))
}

fn one(planned: &PlannedTarget) -> String {
    let target = &planned.target;
    let label = target.label().map(|label| format!(", label {label}"));
    let weight = target.routing().weight;
    let weight = (weight != 1).then(|| format!(", weight {weight}"));
    format!(
        "{}:{} ({}), {} tries{}{}",
        target.provider.id(),
        target.model,
        planned.why.as_str(),
        target.retry().attempts,
        label.unwrap_or_default(),
        weight.unwrap_or_default()
    )
}

fn as_json(gateway: &ModelGateway, planned: &PlannedTarget) -> Value {
    let target = &planned.target;
    let endpoint = gateway.endpoints.get(target.provider.id());
    json!({
        "provider": target.provider.id(),
        "model": target.model,
        "why": planned.why.as_str(),
        "label": target.label(),
        "weight": target.routing().weight,
        "priority": target.routing().priority,
        "attempts": target.retry().attempts,
        "host": endpoint.map(|endpoint| super::attempt::host(endpoint).to_owned()),
    })
}
