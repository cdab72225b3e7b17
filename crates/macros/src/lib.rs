//! The attribute that makes a function the main function of a load test.
//!
//! It looks at no more of the function than its name, so it needs no parser of Rust, which would take longer to build than
//! most tests.

use proc_macro::{Delimiter, Ident, Span, TokenStream, TokenTree};

/// Makes a function that returns a `Test` the main function of a program: its whole command line, as `--help` tells.
///
/// The program also gets the allocator that Katydid itself uses; `#[katydid::main(allocator = false)]` leaves that to you.
#[proc_macro_attribute]
pub fn main(options: TokenStream, function: TokenStream) -> TokenStream {
    let allocator = match options.to_string().replace(' ', "").as_str() {
        "" | "allocator=true" => {
            "#[global_allocator]
            static KATYDID_ALLOCATOR: ::katydid::hidden::MiMalloc = ::katydid::hidden::MiMalloc;"
        }
        "allocator=false" => "",
        _ => return complaint("katydid::main takes nothing but allocator = false"),
    };
    match named(function, "katydid_test") {
        Ok(function) => {
            let main = format!(
                "{allocator}
                fn main() -> ::std::process::ExitCode {{ ::katydid::run(katydid_test) }}"
            );
            let mut out = function;
            out.extend(main.parse::<TokenStream>().expect("it is Rust"));
            out
        }
        Err(problem) => complaint(problem),
    }
}

/// A function by another name, so that it may be called `main`.
fn named(function: TokenStream, name: &str) -> Result<TokenStream, &'static str> {
    let mut tokens: Vec<TokenTree> = function.into_iter().collect();
    let is = |token: &TokenTree, word: &str| matches!(token, TokenTree::Ident(it) if it.to_string() == word);
    let Some(at) = tokens.iter().position(|token| is(token, "fn")) else {
        return Err("katydid::main stands before a function that returns a Test");
    };
    if tokens[..at].iter().any(|token| is(token, "async")) {
        return Err("this function is not async: it only describes the test");
    }
    match tokens.get(at + 2) {
        Some(TokenTree::Group(group))
            if group.delimiter() == Delimiter::Parenthesis && group.stream().is_empty() => {}
        _ => return Err("this function takes no arguments: it only describes the test"),
    }
    let span = tokens[at + 1].span();
    tokens[at + 1] = TokenTree::Ident(Ident::new(name, span.resolved_at(Span::call_site())));
    Ok(tokens.into_iter().collect())
}

fn complaint(text: &str) -> TokenStream {
    format!("::core::compile_error!({text:?});")
        .parse()
        .expect("it is Rust")
}
