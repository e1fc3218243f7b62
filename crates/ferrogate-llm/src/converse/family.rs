//! Families of models, told apart by what they take beside Converse's own members.

/// What `additionalModelRequestFields` a model takes. Bedrock hands them to the model as they are, so there is no
/// one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Anthropic's members.
    Claude,
    /// Amazon Nova's members.
    Nova,
    /// `reasoning_effort`.
    EffortWord,
    /// `reasoning: {effort}`.
    EffortObject,
    /// None that a gateway could fill.
    Other,
    /// The id does not tell: an ARN of the account's own.
    Unknown,
}

impl Family {
    /// The family of a model id or ARN.
    ///
    /// Foundation models are `vendor.model`, profiles put a geography in front, and ARNs of both end in that.
    /// Source: Amazon Bedrock's user guide, "Supported foundation models" and "Inference profiles".
    pub(super) fn of(model: &str) -> Self {
        let id = match model.strip_prefix("arn:") {
            Some(arn) if arn.contains(":application-inference-profile/") => return Self::Unknown,
            Some(arn) => arn.rsplit('/').next().unwrap_or_default(),
            None => model,
        };
        let Some((first, rest)) = id.split_once('.') else {
            return Self::Unknown;
        };
        let (vendor, name) = if GEOGRAPHIES.contains(&first) {
            rest.split_once('.').unwrap_or((rest, ""))
        } else {
            (first, rest)
        };
        match vendor {
            "anthropic" => Self::Claude,
            "amazon" if name.starts_with("nova") => Self::Nova,
            "openai" if name.starts_with("gpt-oss") => Self::EffortWord,
            "openai" => Self::EffortObject,
            "deepseek" if name.starts_with('v') => Self::EffortWord,
            _ => Self::Other,
        }
    }

    /// Whether it may take Anthropic's members.
    pub(super) fn may_be_claude(self) -> bool {
        matches!(self, Self::Claude | Self::Unknown)
    }

    /// Whether it may take cache points. Source: Amazon Bedrock's user guide, "Prompt caching".
    pub(super) fn may_cache(self) -> bool {
        self.may_be_claude() || self == Self::Nova
    }
}

/// What inference profiles of a geography begin with.
const GEOGRAPHIES: [&str; 9] = [
    "us", "eu", "apac", "jp", "au", "ca", "us-gov", "global", "sa",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_arns_tell_the_family() {
        for (model, family) in [
            ("anthropic.claude-haiku-4-5-20251001-v1:0", Family::Claude),
            ("us-gov.anthropic.claude-sonnet-5", Family::Claude),
            (
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-5",
                Family::Claude,
            ),
            (
                "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3",
                Family::Unknown,
            ),
            ("global.amazon.nova-2-lite-v1:0", Family::Nova),
            ("amazon.titan-text-express-v1", Family::Other),
            ("openai.gpt-oss-120b-1:0", Family::EffortWord),
            ("openai.gpt-5.6", Family::EffortObject),
            ("deepseek.v3-v1:0", Family::EffortWord),
            ("us.deepseek.r1-v1:0", Family::Other),
            ("meta.llama3-3-70b-instruct-v1:0", Family::Other),
            ("my-deployment", Family::Unknown),
        ] {
            assert_eq!(Family::of(model), family, "{model}");
        }
    }
}
