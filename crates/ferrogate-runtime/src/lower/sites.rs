//! Sites.

use ferrogate_config::model::Config;
use ferrogate_edge::{CompileContext, Program, ProgramSource};
use ferrogate_proxy::{SiteState, Summary};
use ferrogate_types::route::Handler;

use super::LowerError;
use super::logs::Logs;

pub(super) fn lower(
    config: &Config,
    context: &CompileContext<'_>,
    logs: &mut Logs,
    errors: &mut Vec<LowerError>,
) -> Vec<SiteState> {
    let mut sites = Vec::with_capacity(config.sites.len());
    for site in &config.sites {
        let source = ProgramSource {
            routes: &site.routes,
            errors: &site.errors,
            named: &config.named_routes,
        };
        let program = match Program::compile(&source, context) {
            Ok(program) => Some(program),
            Err(problems) => {
                errors.extend(problems.iter().map(|problem| {
                    LowerError::new(
                        problem.origin.place.to_string(),
                        format!("`{}` {}", problem.origin.directive, problem.message),
                    )
                }));
                None
            }
        };
        let access_logs = logs.of_site(site, errors);
        if let Some(program) = program {
            sites.push(SiteState {
                program,
                access_logs,
            });
        }
    }
    sites
}

pub(super) fn summary(config: &Config) -> Summary {
    let mut summary = Summary {
        sites: config.sites.len(),
        ..Summary::default()
    };
    let mut lists = super::lists_of(config);
    while let Some(routes) = lists.pop() {
        summary.routes += routes.len();
        for route in routes {
            lists.extend(route.handler.nested());
            if let Handler::ReverseProxy(proxy) = &route.handler {
                summary.upstreams += proxy.upstreams.len();
            }
        }
    }
    summary
}
