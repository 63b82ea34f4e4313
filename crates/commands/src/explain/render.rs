//! Described plans as text, JSON, XML and YAML.

/// A value in a structured format.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    /// A number, as it is to be written.
    Number(String),
    Bool(bool),
    List(Vec<String>),
    Group(Vec<(String, Value)>),
    Groups(Vec<(String, Value)>),
}

/// A plan node ready to be written.
#[derive(Clone, Debug, Default)]
pub struct Described {
    /// The headline of the text format, with costs.
    pub title: String,
    /// `InitPlan 1`, `SubPlan 1`, `CTE x`: a line of its own before the node.
    pub label: Option<String>,
    /// Lines under the headline.
    pub details: Vec<String>,
    /// Properties of the structured formats, in order.
    pub properties: Vec<(String, Value)>,
    pub children: Vec<Described>,
}

/// The text format: one line a row.
pub fn text(node: &Described, indent: usize, lines: &mut Vec<String>) {
    let mut indent = indent;
    if let Some(label) = &node.label {
        lines.push(format!("{}{label}", " ".repeat(2 * indent)));
        indent += 1;
    }
    if indent > 0 {
        lines.push(format!("{}->  {}", " ".repeat(2 * indent), node.title));
        indent += 2;
    } else {
        lines.push(node.title.clone());
    }
    indent += 1;
    for detail in &node.details {
        lines.push(format!("{}{detail}", " ".repeat(2 * indent)));
    }
    for child in &node.children {
        text(child, indent, lines);
    }
}

/// The properties of a node and of those below it.
pub fn structured(node: &Described) -> Value {
    let mut properties = node.properties.clone();
    if !node.children.is_empty() {
        let plans = node.children.iter().map(|child| ("Plan".to_owned(), structured(child))).collect();
        properties.push(("Plans".to_owned(), Value::Groups(plans)));
    }
    Value::Group(properties)
}

fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// `queries`: the groups at the top, one each statement.
pub fn json(queries: &[Value]) -> String {
    let mut out = String::from("[");
    for (number, query) in queries.iter().enumerate() {
        out.push_str(if number > 0 { ",\n  " } else { "\n  " });
        json_value(query, 1, &mut out);
    }
    out.push_str("\n]");
    out
}

fn json_value(value: &Value, indent: usize, out: &mut String) {
    let pad = "  ".repeat(indent);
    match value {
        Value::Text(text) => out.push_str(&json_string(text)),
        Value::Number(number) => out.push_str(number),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| json_string(item)).collect();
            out.push_str(&format!("[{}]", items.join(", ")));
        }
        Value::Group(members) => {
            out.push('{');
            for (number, (label, value)) in members.iter().enumerate() {
                out.push_str(if number > 0 { ",\n" } else { "\n" });
                out.push_str(&format!("{pad}  {}: ", json_string(label)));
                json_value(value, indent + 1, out);
            }
            out.push_str(&format!("\n{pad}}}"));
        }
        Value::Groups(groups) => {
            out.push('[');
            for (number, (_, value)) in groups.iter().enumerate() {
                out.push_str(if number > 0 { ",\n" } else { "\n" });
                out.push_str(&format!("{pad}  "));
                json_value(value, indent + 1, out);
            }
            out.push_str(&format!("\n{pad}]"));
        }
    }
}

fn xml_escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#x0d;")
}

fn xml_tag(label: &str) -> String {
    label
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' })
        .collect()
}

pub fn xml(queries: &[Value]) -> String {
    let mut out = String::from("<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n");
    for query in queries {
        xml_value("Query", query, 1, &mut out);
    }
    out.push_str("</explain>");
    out
}

fn xml_value(label: &str, value: &Value, indent: usize, out: &mut String) {
    let (pad, tag) = ("  ".repeat(indent), xml_tag(label));
    match value {
        Value::Text(text) | Value::Number(text) => {
            out.push_str(&format!("{pad}<{tag}>{}</{tag}>\n", xml_escape(text)));
        }
        Value::Bool(value) => out.push_str(&format!("{pad}<{tag}>{value}</{tag}>\n")),
        Value::List(items) => {
            out.push_str(&format!("{pad}<{tag}>\n"));
            for item in items {
                out.push_str(&format!("{pad}  <Item>{}</Item>\n", xml_escape(item)));
            }
            out.push_str(&format!("{pad}</{tag}>\n"));
        }
        Value::Group(members) | Value::Groups(members) => {
            out.push_str(&format!("{pad}<{tag}>\n"));
            for (label, value) in members {
                xml_value(label, value, indent + 1, out);
            }
            out.push_str(&format!("{pad}</{tag}>\n"));
        }
    }
}

pub fn yaml(queries: &[Value]) -> String {
    let mut out = String::new();
    for (number, query) in queries.iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        out.push_str("- ");
        yaml_value(query, 1, true, &mut out);
    }
    out
}

/// `inline`: the first member goes on in the line of its group.
fn yaml_value(value: &Value, indent: usize, inline: bool, out: &mut String) {
    let pad = "  ".repeat(indent);
    match value {
        Value::Text(text) => out.push_str(&json_string(text)),
        Value::Number(number) => out.push_str(number),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::List(items) => {
            for item in items {
                out.push_str(&format!("\n{pad}- {}", json_string(item)));
            }
        }
        Value::Group(members) => {
            for (number, (label, value)) in members.iter().enumerate() {
                if number > 0 || !inline {
                    out.push_str(&format!("\n{pad}"));
                }
                out.push_str(&format!("{label}: "));
                yaml_value(value, indent + 1, false, out);
            }
        }
        Value::Groups(groups) => {
            for (_, value) in groups {
                out.push_str(&format!("\n{pad}- "));
                yaml_value(value, indent + 1, true, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Described {
        let child = Described {
            title: "Seq Scan on t".to_owned(),
            details: vec!["Filter: (a = 'x<'::text)".to_owned()],
            properties: vec![("Node Type".to_owned(), Value::Text("Seq Scan".to_owned()))],
            ..Described::default()
        };
        let init = Described { label: Some("InitPlan 1".to_owned()), ..child.clone() };
        Described {
            title: "Sort".to_owned(),
            details: vec!["Sort Key: a".to_owned()],
            properties: vec![
                ("Node Type".to_owned(), Value::Text("Sort".to_owned())),
                ("Sort Key".to_owned(), Value::List(vec!["a".to_owned()])),
                ("Plan Rows".to_owned(), Value::Number("5".to_owned())),
            ],
            children: vec![init, child],
            ..Described::default()
        }
    }

    #[test]
    fn text_is_indented_as_postgresql_does_it() {
        let mut lines = Vec::new();
        text(&sample(), 0, &mut lines);
        assert_eq!(
            lines,
            [
                "Sort",
                "  Sort Key: a",
                "  InitPlan 1",
                "    ->  Seq Scan on t",
                "          Filter: (a = 'x<'::text)",
                "  ->  Seq Scan on t",
                "        Filter: (a = 'x<'::text)",
            ]
        );
    }

    #[test]
    fn structured_formats() {
        let query = Value::Group(vec![("Plan".to_owned(), structured(&sample()))]);
        let json = json(std::slice::from_ref(&query));
        assert!(json.starts_with(
            "[\n  {\n    \"Plan\": {\n      \"Node Type\": \"Sort\",\n      \"Sort Key\": [\"a\"],\n"
        ));
        assert!(json.ends_with("\n    }\n  }\n]"), "{json}");
        let xml = xml(std::slice::from_ref(&query));
        assert!(xml.contains(
            "    <Plan>\n      <Node-Type>Sort</Node-Type>\n      <Sort-Key>\n        <Item>a</Item>\n"
        ));
        let yaml = yaml(std::slice::from_ref(&query));
        assert!(yaml.starts_with("- Plan: \n    Node Type: \"Sort\"\n    Sort Key: \n      - \"a\"\n    Plan Rows: 5\n    Plans: \n      - Node Type: \"Seq Scan\"\n"));
    }
}
