//! `#[command]`

use proc_macro2::TokenStream;
use quote::quote;
use syn::Result;

use crate::{
    args::Args,
    event::{Payload, name_hash},
};

const USAGE: &str = "#[command(Aggregate, version = 1, produces = [Event])]";

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let args = Args::parse(args, USAGE, &["version", "produces", "name"])?;
    let (aggregate, version, produces) = (args.aggregate()?, args.version("version")?, args.paths("produces")?);
    let item = Payload::Command.parse(item)?;
    let ident = &item.ident;
    let name = args.text("name")?.unwrap_or_else(|| ident.to_string());
    let hash = name_hash(&name);
    let declaration = Payload::Command.declare(&item)?;
    Ok(quote! {
        #declaration

        impl ::cantus_sdk::Command for #ident {
            type Aggregate = #aggregate;
            const KIND: ::cantus_sdk::MessageKind = ::cantus_sdk::MessageKind { name: #name, version: #version };
            const PRODUCES: &'static [::cantus_sdk::MessageKind] =
                &[#(::cantus_sdk::__private::kind_of::<#produces, #aggregate>()),*];
        }

        #(impl ::cantus_sdk::Produces<#produces> for #ident {})*

        impl ::cantus_sdk::__private::CommandVersionIsUnique<#hash, #version> for #aggregate {}

        ::cantus_sdk::__private::inventory::submit! {
            ::cantus_sdk::__private::CommandEntry::of::<#ident>()
        }
    })
}
