//! The tools of this host, which machines call by name.

mod http;

use cojson::json::Json;
use engine::actor::ToolDeclaration;
use engine::machine::ToolFailure;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::net::Net;
use crate::settings::HttpToolSettings;
use http::HttpTool;

/// Asks a web server something, once.
const HTTP_REQUEST: &str = "@http/request";

/// Asks a web server something that may be asked twice.
const HTTP_GET: &str = "@http/get";

/// Every tool there is.
pub(crate) struct Tools {
    http: HttpTool,
}

impl Tools {
    pub(crate) fn new(net: Net, settings: HttpToolSettings) -> Self {
        Self {
            http: HttpTool::new(net, settings),
        }
    }

    /// What the engine must know of them.
    pub(crate) fn declarations() -> Vec<ToolDeclaration> {
        let declare = |name: &str, is_idempotent, description: &str| ToolDeclaration {
            name: name.into(),
            parameters: Some(http::parameters()),
            is_idempotent,
            description: Some(description.into()),
            ..ToolDeclaration::default()
        };
        vec![
            declare(
                HTTP_REQUEST,
                false,
                "Sends one request to a web server, and gives its answer",
            ),
            declare(HTTP_GET, true, "Reads from a web server"),
        ]
    }

    /// Calls one. The key is the same however often the call is made.
    pub(crate) fn call(
        &self,
        tool: &str,
        payload: Json,
        key: &str,
    ) -> BoxFuture<'static, Result<Json, ToolFailure>> {
        let (http, key) = (self.http.clone(), key.to_owned());
        match tool {
            HTTP_REQUEST => async move { http.request(&payload, &key).await }.boxed(),
            HTTP_GET => async move { http.get(&payload, &key).await }.boxed(),
            other => {
                let message = format!("this agent has no tool {other}");
                std::future::ready(Err(ToolFailure::new("unknownTool", message))).boxed()
            }
        }
    }
}
