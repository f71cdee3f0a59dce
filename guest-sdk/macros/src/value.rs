//! `#[value]`

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result};

use crate::derives::{Trait, derives, refuse_unordered};

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !args.is_empty() {
        return Err(Error::new_spanned(args, "`#[value]` takes no arguments: remove them"));
    }
    refuse_unordered(&item)?;
    let item: DeriveInput = syn::parse2(item)?;
    let mut traits =
        vec![Trait::Clone, Trait::Debug, Trait::PartialEq, Trait::Serialize, Trait::Deserialize, Trait::JsonSchema];
    if let Data::Enum(data) = &item.data {
        if data.variants.iter().all(|variant| matches!(variant.fields, Fields::Unit)) {
            traits.extend([Trait::Copy, Trait::Eq, Trait::PartialOrd, Trait::Ord]);
        }
        if data.variants.iter().any(|variant| variant.attrs.iter().any(|attr| attr.path().is_ident("default"))) {
            traits.push(Trait::Default);
        }
    }
    let derives = derives(&item.attrs, &traits)?;
    Ok(quote!(#derives #item))
}
