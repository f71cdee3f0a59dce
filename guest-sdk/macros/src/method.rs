//! The one method of a handler, combiner or upcaster block, checked against the form it must have.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Error, FnArg, Ident, ImplItem, ImplItemFn, ItemImpl, Path, Result, ReturnType, Type};

/// A block `impl Name { fn method(..) }` as the attribute macros take it.
pub(crate) struct Block {
    /// The block, without what is not valid Rust.
    pub(crate) item: ItemImpl,
    /// The type that it is for.
    pub(crate) ident: Ident,
    form: &'static str,
}

impl Block {
    /// Reads a block. An error says to write `form`.
    pub(crate) fn parse(item: TokenStream, form: &'static str) -> Result<Self> {
        let item: ItemImpl =
            syn::parse2(item).map_err(|error| Error::new(error.span(), format!("{error}; write `{form}`")))?;
        if item.trait_.is_some() || !item.generics.params.is_empty() {
            return Err(Error::new_spanned(
                &item.self_ty,
                format!("this block has a trait or type parameters: write `{form}`"),
            ));
        }
        let ident = match &*item.self_ty {
            Type::Path(path) => path.path.get_ident().cloned(),
            _ => None,
        };
        let ident = ident.ok_or_else(|| {
            Error::new_spanned(&item.self_ty, format!("the type must be a plain name: write `{form}`"))
        })?;
        Ok(Self { item, ident, form })
    }

    /// The method `name` with its arguments beside `self`, of which there must be one of `counts`.
    pub(crate) fn method(&self, name: &str, receiver: Receiver, counts: &[usize]) -> Result<Method<'_>> {
        let method = self.item.items.iter().find_map(|item| match item {
            ImplItem::Fn(method) if method.sig.ident == name => Some(method),
            _ => None,
        });
        let method = method
            .ok_or_else(|| Error::new(self.ident.span(), format!("`fn {name}` is missing: write `{}`", self.form)))?;
        let arguments: Vec<&Type> = method.sig.inputs.iter().filter_map(typed).collect();
        let fits = receiver.fits(method) && counts.contains(&arguments.len()) && method.sig.asyncness.is_none();
        if !fits || !method.sig.generics.params.is_empty() {
            return Err(Error::new_spanned(&method.sig, format!("this signature does not fit: write `{}`", self.form)));
        }
        Ok(Method { method, arguments, form: self.form })
    }

    /// An error at `tokens` that says what to write.
    pub(crate) fn error(&self, tokens: impl ToTokens, what: &str) -> Error {
        Error::new_spanned(tokens, format!("{what}: write `{}`", self.form))
    }
}

/// The receiver of a method.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// `&self`
    Reference,
    /// `self`
    Value,
}

impl Receiver {
    fn fits(self, method: &ImplItemFn) -> bool {
        let Some(FnArg::Receiver(receiver)) = method.sig.inputs.first() else { return false };
        let tokens = receiver.to_token_stream().to_string();
        match self {
            Self::Reference => tokens.replace(' ', "") == "&self",
            Self::Value => tokens == "self" || tokens == "mut self",
        }
    }
}

/// A method of the right shape.
pub(crate) struct Method<'a> {
    pub(crate) method: &'a ImplItemFn,
    pub(crate) arguments: Vec<&'a Type>,
    form: &'static str,
}

impl Method<'_> {
    /// Checks that argument `index` is `&Name` or `&mut Name`, where `Name` is the last word of `path`.
    pub(crate) fn expect_reference(&self, index: usize, mutable: bool, path: &Path) -> Result<()> {
        let last = |path: &Path| path.segments.last().map(|segment| segment.ident.to_string());
        let fits = match self.arguments[index] {
            Type::Reference(reference) if reference.mutability.is_some() == mutable => match &*reference.elem {
                Type::Path(elem) => last(&elem.path) == last(path),
                _ => false,
            },
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let wanted = format!("&{}{}", if mutable { "mut " } else { "" }, last(path).unwrap_or_default());
        let message = format!("this argument must be `{wanted}`: write `{}`", self.form);
        Err(Error::new_spanned(self.arguments[index], message))
    }

    /// The type that it returns.
    pub(crate) fn output(&self) -> Result<&Type> {
        match &self.method.sig.output {
            ReturnType::Type(_, output) => Ok(output),
            ReturnType::Default => {
                Err(Error::new_spanned(&self.method.sig, format!("it returns nothing: write `{}`", self.form)))
            }
        }
    }
}

fn typed(argument: &FnArg) -> Option<&Type> {
    match argument {
        FnArg::Typed(argument) => Some(&argument.ty),
        FnArg::Receiver(_) => None,
    }
}

/// Replaces `Self::Error` by the error's type: an inherent block has no associated types.
pub(crate) fn replace_self_error(tokens: TokenStream, error: &Type) -> TokenStream {
    let mut replaced = TokenStream::new();
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                let path: Vec<TokenTree> = rest.clone().take(3).collect();
                let text: String = path.iter().map(ToString::to_string).collect();
                if text == "::Error" {
                    rest.by_ref().take(3).for_each(drop);
                    replaced.extend(error.to_token_stream());
                } else {
                    replaced.extend([TokenTree::Ident(ident)]);
                }
            }
            TokenTree::Group(group) => {
                let mut inner = proc_macro2::Group::new(group.delimiter(), replace_self_error(group.stream(), error));
                inner.set_span(group.span());
                replaced.extend([TokenTree::Group(inner)]);
            }
            other => replaced.extend([other]),
        }
    }
    replaced
}
