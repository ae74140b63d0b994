//! Routes of an API: a method and a path, such as `GET /orders/{id}`.
//!
//! Invariant: of all routes that match a request, the one with the least rank is the one that the service
//! takes: literal steps before parameters, parameters before a greedy rest, a method before `ANY`.

use serde_json::Value;

/// Steps of a path at most.
const STEPS_MAX: usize = 64;
const METHODS: [&str; 8] = ["ANY", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
/// The route that takes what no other one takes.
const DEFAULT: &str = "$default";

/// A route, read and checked.
///
/// ```
/// use eventscape::flow::route::Route;
/// let route = Route::parse("GET /orders/{id}")?;
/// assert!(route.matches(&serde_json::json!({"method": "GET", "path": "/orders/17"})));
/// assert!(!route.matches(&serde_json::json!({"method": "GET", "path": "/orders/17/lines"})));
/// # Ok::<(), eventscape::flow::route::RouteError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `None`: any.
    method: Option<&'static str>,
    /// `None`: any, even a request that names no path.
    path: Option<Vec<Step>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Literal(String),
    /// `{id}`: one step, whatever it is.
    Parameter,
    /// `{proxy+}`: one step or more, to the end.
    Rest,
}

/// Where a route stands among others: the least comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(Vec<u8>, u8);

/// Why a text is no route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// No method has this name.
    #[error("there is no method `{found}`; write GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS or ANY")]
    Method {
        /// The offending text.
        found: String,
    },
    /// A path that does not begin with a slash, has a greedy step before its end, or too many steps.
    #[error("`{found}` is no path: {reason}")]
    Path {
        /// The offending text.
        found: String,
        /// Why.
        reason: &'static str,
    },
}

impl Route {
    /// Reads `METHOD /path`, a path alone, or `$default`.
    ///
    /// # Errors
    /// The first problem, with the offending text.
    pub fn parse(text: &str) -> Result<Route, RouteError> {
        let text = text.trim();
        if text == DEFAULT {
            return Ok(Route { method: None, path: None });
        }
        let (method, path) = match text.split_once(char::is_whitespace) {
            Some((method, path)) => (method, path.trim()),
            None => ("ANY", text),
        };
        let known = METHODS.into_iter().find(|known| known.eq_ignore_ascii_case(method));
        let excerpt = |text: &str| text.chars().take(80).collect();
        let method = known.ok_or_else(|| RouteError::Method { found: excerpt(method) })?;
        let steps = steps(path).map_err(|reason| RouteError::Path { found: excerpt(path), reason })?;
        Ok(Route { method: Some(method).filter(|method| *method != "ANY"), path: Some(steps) })
    }

    /// Whether a request goes this way: by its texts `method` and `path`. One without a method is a GET.
    pub fn matches(&self, request: &Value) -> bool {
        let text = |name: &str| request.get(name).and_then(Value::as_str);
        let method = text("method").unwrap_or("GET");
        let Some(steps) = &self.path else { return true };
        let Some(path) = text("path") else { return false };
        self.method.is_none_or(|wanted| wanted.eq_ignore_ascii_case(method)) && fits(steps, path)
    }

    /// Where the route stands among others that match the same request.
    pub fn rank(&self) -> Rank {
        let step = |step: &Step| match step {
            Step::Literal(_) => 0,
            Step::Parameter => 1,
            Step::Rest => 2,
        };
        let path = self.path.as_ref().map_or(vec![u8::MAX], |steps| steps.iter().map(step).collect());
        Rank(path, u8::from(self.method.is_none()))
    }

    /// A request that goes this way, as (method, path).
    pub fn example(&self) -> (&'static str, String) {
        let step = |step: &Step| match step {
            Step::Literal(name) => format!("/{name}"),
            Step::Parameter | Step::Rest => "/17".to_owned(),
        };
        let path: String = self.path.iter().flatten().map(step).collect();
        (self.method.unwrap_or("GET"), if path.is_empty() { "/".to_owned() } else { path })
    }
}

fn steps(path: &str) -> Result<Vec<Step>, &'static str> {
    let path = path.strip_prefix('/').ok_or("it does not begin with /")?;
    let mut steps = Vec::new();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        if steps.last() == Some(&Step::Rest) {
            return Err("something follows a greedy step such as {proxy+}");
        }
        steps.push(match name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) if name.ends_with('+') => Step::Rest,
            Some(_) => Step::Parameter,
            None => Step::Literal(name.to_owned()),
        });
    }
    if steps.len() > STEPS_MAX { Err("it has too many steps") } else { Ok(steps) }
}

fn fits(steps: &[Step], path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let mut names = path.split('/').filter(|name| !name.is_empty());
    for step in steps {
        let Some(name) = names.next() else { return false };
        match step {
            Step::Literal(literal) if literal != name => return false,
            Step::Literal(_) | Step::Parameter => {}
            Step::Rest => return true,
        }
    }
    names.next().is_none()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn route(text: &str) -> Route {
        Route::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[track_caller]
    fn check(text: &str, method: &str, path: &str, expected: bool) {
        assert_eq!(route(text).matches(&json!({"method": method, "path": path})), expected, "{text}: {method} {path}");
    }

    #[test]
    fn a_request_goes_the_way_of_its_method_and_path() {
        check("GET /orders", "GET", "/orders", true);
        check("get /orders/", "GET", "/orders?page=2", true);
        check("GET /orders", "POST", "/orders", false);
        check("ANY /orders", "POST", "/orders", true);
        check("/orders/{id}", "DELETE", "/orders/17", true);
        check("/orders/{id}", "GET", "/orders", false);
        check("/orders/{id}", "GET", "/orders/17/lines", false);
        check("/{proxy+}", "GET", "/a/b/c", true);
        check("/{proxy+}", "GET", "/", false);
        check("GET /", "GET", "/", true);
        check("$default", "PATCH", "/anything", true);
        assert!(route("GET /a").matches(&json!({"path": "/a"})), "a request without a method is a GET");
        assert!(!route("/a").matches(&json!({"id": 1})) && route("$default").matches(&json!({"id": 1})));
    }

    #[test]
    fn the_route_that_says_most_comes_first() {
        let mut routes =
            ["$default", "/{proxy+}", "GET /{proxy+}", "/orders/{id}", "GET /orders/{id}", "GET /orders/open"];
        routes.sort_by_key(|text| route(text).rank());
        let expected =
            ["GET /orders/open", "GET /orders/{id}", "/orders/{id}", "GET /{proxy+}", "/{proxy+}", "$default"];
        assert_eq!(routes, expected);
    }

    #[test]
    fn what_is_no_route_is_refused() {
        assert!(matches!(Route::parse("FETCH /orders"), Err(RouteError::Method { .. })));
        for path in ["orders", "", "/{proxy+}/more"] {
            assert!(matches!(Route::parse(path), Err(RouteError::Path { .. })), "{path}");
        }
    }

    #[test]
    fn the_example_of_a_route_goes_its_way() {
        for text in ["GET /orders/{id}/lines", "/{proxy+}", "DELETE /", "$default"] {
            let (method, path) = route(text).example();
            check(text, method, &path, true);
        }
    }
}
