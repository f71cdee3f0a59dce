//! The arguments of the attributes: `Flight, version = 1, produces = [A, B]`.

use quote::ToTokens;
use syn::{
    Error, Expr, ExprArray, ExprLit, Ident, Lit, Path, Result, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    spanned::Spanned,
};

/// The aggregate and the named arguments of one attribute.
pub(crate) struct Args {
    /// The first argument, if it is a path.
    pub(crate) aggregate: Option<Path>,
    named: Vec<(Ident, Option<Expr>)>,
    usage: &'static str,
}

impl Args {
    /// Reads `tokens`. An error says to write `usage`.
    pub(crate) fn parse(tokens: proc_macro2::TokenStream, usage: &'static str, allowed: &[&str]) -> Result<Self> {
        let (aggregate, named) = (|input: ParseStream<'_>| parse(input, allowed, usage)).parse2(tokens)?;
        Ok(Self { aggregate, named, usage })
    }

    /// The aggregate, which must be given.
    pub(crate) fn aggregate(&self) -> Result<&Path> {
        self.aggregate.as_ref().ok_or_else(|| self.missing("the aggregate"))
    }

    /// Reports whether the bare word `name` is given.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.named.iter().any(|(ident, _)| ident == name)
    }

    /// The number `name = 1`, from `least` on.
    pub(crate) fn number(&self, name: &str, least: u32) -> Result<Option<u32>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match value {
            Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => match number.base10_parse() {
                Ok(number) if number >= least => Ok(Some(number)),
                _ => Err(Error::new(value.span(), format!("`{name}` must be a number from {least} to 4294967295"))),
            },
            _ => Err(Error::new(value.span(), format!("`{name}` must be a number: write `{name} = 1`"))),
        }
    }

    /// The version `name = 1`, which must be given.
    pub(crate) fn version(&self, name: &str) -> Result<u32> {
        self.number(name, 1)?.ok_or_else(|| self.missing(&format!("`{name} = ..`")))
    }

    /// The string `name = ".."`.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>> {
        match self.value(name) {
            None => Ok(None),
            Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) if !text.value().is_empty() => Ok(Some(text.value())),
            Some(other) => Err(Error::new(other.span(), format!("`{name}` must be a string: write `{name} = \"..\"`"))),
        }
    }

    /// The path `name = module::function`.
    pub(crate) fn path(&self, name: &str) -> Result<Option<&Path>> {
        match self.value(name) {
            None => Ok(None),
            Some(Expr::Path(path)) => Ok(Some(&path.path)),
            Some(other) => Err(Error::new(
                other.span(),
                format!("`{name}` must be the path of a function: write `{name} = module::function`"),
            )),
        }
    }

    /// The paths `name = [A, B]`, which must be given and differ.
    pub(crate) fn paths(&self, name: &str) -> Result<Vec<&Path>> {
        let value = self.value(name).ok_or_else(|| self.missing(&format!("`{name} = [..]`")))?;
        let list = || Error::new(value.span(), format!("`{name}` must be a list: write `{name} = [A, B]`"));
        let Expr::Array(ExprArray { elems, .. }) = value else { return Err(list()) };
        let mut paths: Vec<&Path> = Vec::new();
        for element in elems {
            let Expr::Path(path) = element else { return Err(list()) };
            if paths.iter().any(|known| words(known) == words(&path.path)) {
                return Err(Error::new(path.span(), "this is in the list twice: remove one"));
            }
            paths.push(&path.path);
        }
        Ok(paths)
    }

    fn value(&self, name: &str) -> Option<&Expr> {
        self.named.iter().find(|(ident, _)| ident == name).and_then(|(_, value)| value.as_ref())
    }

    fn missing(&self, what: &str) -> Error {
        Error::new(proc_macro2::Span::call_site(), format!("{what} is missing: write `{}`", self.usage))
    }
}

fn words(path: &Path) -> String {
    path.to_token_stream().to_string()
}

type Parsed = (Option<Path>, Vec<(Ident, Option<Expr>)>);

fn parse(input: ParseStream<'_>, allowed: &[&str], usage: &str) -> Result<Parsed> {
    let (mut aggregate, mut named) = (None, Vec::<(Ident, Option<Expr>)>::new());
    while !input.is_empty() {
        let is_named = input.peek2(Token![=])
            || input.fork().call(Ident::parse_any).is_ok_and(|ident| allowed.contains(&ident.to_string().as_str()));
        if is_named {
            let ident = input.call(Ident::parse_any)?;
            if !allowed.contains(&ident.to_string().as_str()) {
                return Err(Error::new(ident.span(), format!("there is no argument `{ident}`: write `{usage}`")));
            }
            if named.iter().any(|(other, _)| *other == ident) {
                return Err(Error::new(ident.span(), format!("`{ident}` is given twice: remove one")));
            }
            let value = if input.peek(Token![=]) {
                input.parse::<Token![=]>()?;
                Some(input.parse()?)
            } else {
                None
            };
            named.push((ident, value));
        } else if aggregate.is_none() && named.is_empty() {
            aggregate = Some(input.parse()?);
        } else {
            return Err(input.error(format!("write `{usage}`")));
        }
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok((aggregate, named))
}
