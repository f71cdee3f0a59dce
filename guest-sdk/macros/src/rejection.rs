//! `#[rejection]`

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Error, Fields, ItemEnum, LitStr, Result, Variant};

use crate::{
    args::Args,
    derives::{Trait, derives, refuse_unordered},
};

const USAGE: &str = "#[rejection] pub enum Name { .. }";

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let args = Args::parse(args, USAGE, &["display"])?;
    let mut item: ItemEnum = syn::parse2(item).map_err(|error| {
        Error::new(error.span(), format!("rejections are the variants of an enum: write `{USAGE}`"))
    })?;
    refuse_unordered(&item.variants)?;
    let own_display = args.flag("display");
    let mut cases = Vec::new();
    for variant in &mut item.variants {
        cases.push(Case::take(variant, own_display)?);
    }

    let derives = derives(&item.attrs, &[Trait::Clone, Trait::Debug, Trait::PartialEq, Trait::Serialize])?;
    let ident = &item.ident;
    let display = (!own_display).then(|| display(ident, &cases));
    let arms = cases.iter().map(Case::rejection);
    Ok(quote! {
        #derives
        #[serde(untagged)]
        #item
        #display

        impl ::cantus_sdk::IntoRejection for #ident {
            fn into_rejection(self) -> ::cantus_sdk::Rejection {
                let message = ::std::string::ToString::to_string(&self);
                match self {
                    #(#arms)*
                }
            }
        }
    })
}

fn display(ident: &syn::Ident, cases: &[Case]) -> TokenStream {
    let arms = cases.iter().map(Case::display);
    let body = if cases.is_empty() { quote!(match *self {}) } else { quote!(match self { #(#arms)* }) };
    quote! {
        impl ::core::fmt::Display for #ident {
            #[allow(unused_variables)]
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                #body
            }
        }

        impl ::core::error::Error for #ident {}
    }
}

/// One variant.
struct Case {
    variant: Variant,
    code: String,
    message: LitStr,
}

impl Case {
    /// Reads a variant and takes our attributes off it.
    fn take(variant: &mut Variant, own_display: bool) -> Result<Self> {
        let words = words(&variant.ident.to_string());
        let code = take_text(&mut variant.attrs, "code")?.map_or_else(|| words.join("-"), |code| code.value());
        if code.is_empty()
            || !code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        {
            return Err(Error::new(
                variant.ident.span(),
                "a code has lower-case letters, digits and hyphens: write `#[code(\"..\")]`",
            ));
        }
        let message = take_text(&mut variant.attrs, "message")?;
        if let (Some(message), true) = (&message, own_display) {
            return Err(Error::new(
                message.span(),
                "the messages come from `Display`: remove this attribute, or `display`",
            ));
        }
        let message = message.unwrap_or_else(|| LitStr::new(&words.join(" "), variant.ident.span()));
        Ok(Self { variant: variant.clone(), code, message })
    }

    fn display(&self) -> TokenStream {
        let (ident, message) = (&self.variant.ident, &self.message);
        match &self.variant.fields {
            Fields::Unit => quote!(Self::#ident => ::core::write!(formatter, #message),),
            Fields::Named(fields) => {
                let names = fields.named.iter().map(|field| &field.ident);
                quote!(Self::#ident { #(#names),* } => ::core::write!(formatter, #message),)
            }
            Fields::Unnamed(fields) => {
                let names: Vec<_> = (0..fields.unnamed.len()).map(|index| format_ident!("_{index}")).collect();
                let text = message.value();
                let used = names.iter().enumerate().filter(|(index, _)| text.contains(&format!("{{{index}")));
                let used = used.map(|(_, name)| name);
                quote!(Self::#ident(#(#names),*) => ::core::write!(formatter, #message #(, #used)*),)
            }
        }
    }

    fn rejection(&self) -> TokenStream {
        let (ident, code) = (&self.variant.ident, &self.code);
        let detail = match self.variant.fields {
            Fields::Unit => quote!(),
            _ => quote!(.with_detail(&error)),
        };
        quote!(error @ Self::#ident { .. } => ::cantus_sdk::Rejection::new(#code, message)#detail,)
    }
}

/// Takes `#[name("..")]` out of the attributes.
fn take_text(attrs: &mut Vec<Attribute>, name: &str) -> Result<Option<LitStr>> {
    let Some(position) = attrs.iter().position(|attr| attr.path().is_ident(name)) else { return Ok(None) };
    attrs.remove(position).parse_args().map(Some)
}

/// `InsufficientFunds` → `insufficient`, `funds`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut after_lower = false;
    for letter in name.chars() {
        if words.is_empty() || (letter.is_uppercase() && after_lower) {
            words.push(String::new());
        }
        after_lower = !letter.is_uppercase();
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn names_become_words() {
        assert_eq!(words("InsufficientFunds"), ["insufficient", "funds"]);
        assert_eq!(words("Closed"), ["closed"]);
        assert_eq!(words("Over24Hours"), ["over24", "hours"]);
    }
}
