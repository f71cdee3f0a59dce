//! `#[event]`, and the code that events and commands share.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Fields, ItemStruct, Result};

use crate::{
    args::Args,
    derives::{Trait, derives, refuse_unordered},
};

const USAGE: &str = "#[event(Aggregate, version = 1)]";

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let args = Args::parse(args, USAGE, &["version", "name"])?;
    let (aggregate, version) = (args.aggregate()?, args.version("version")?);
    let item = Payload::Event.parse(item)?;
    let ident = &item.ident;
    let name = args.text("name")?.unwrap_or_else(|| ident.to_string());
    let hash = name_hash(&name);
    let declaration = Payload::Event.declare(&item)?;
    Ok(quote! {
        #declaration

        impl ::cantus_sdk::Event for #ident {
            type Aggregate = #aggregate;
            const KIND: ::cantus_sdk::MessageKind = ::cantus_sdk::MessageKind { name: #name, version: #version };
        }

        impl ::cantus_sdk::EventOf<#aggregate> for #ident {}

        impl<C: ::cantus_sdk::Produces<Self>> ::cantus_sdk::IntoEvents<C> for #ident {
            fn append_to(
                self,
                messages: &mut ::std::vec::Vec<::cantus_sdk::Message>,
            ) -> ::core::result::Result<(), ::std::string::String> {
                messages.push(::cantus_sdk::__private::encode(&self)?);
                ::core::result::Result::Ok(())
            }
        }

        impl ::cantus_sdk::__private::EventVersionIsUnique<#hash, #version> for #aggregate {}

        ::cantus_sdk::__private::inventory::submit! {
            ::cantus_sdk::__private::EventEntry::of::<#ident>()
        }
    })
}

/// A struct that is a JSON object on the wire.
#[derive(Clone, Copy)]
pub(crate) enum Payload {
    Command,
    Event,
}

impl Payload {
    /// Reads the struct and refuses one that is not a JSON object.
    pub(crate) fn parse(self, item: TokenStream) -> Result<ItemStruct> {
        let what = match self {
            Self::Command => "a command",
            Self::Event => "an event",
        };
        let item: ItemStruct = syn::parse2(item).map_err(|error| {
            Error::new(error.span(), format!("{what} is a struct: write `pub struct Name {{ .. }}`"))
        })?;
        if !item.generics.params.is_empty() {
            return Err(Error::new_spanned(&item.generics, format!("{what} has no type parameters: remove them")));
        }
        if let Fields::Unnamed(fields) = &item.fields {
            let message = format!(
                "{what} has named fields or none, because its payload is a JSON object: write `pub struct Name {{ .. }}`"
            );
            return Err(Error::new_spanned(fields, message));
        }
        refuse_unordered(&item.fields)?;
        Ok(item)
    }

    /// Writes the struct with its derives. One without a body is `{}` on the wire too.
    pub(crate) fn declare(self, item: &ItemStruct) -> Result<TokenStream> {
        let mut traits = vec![Trait::Clone, Trait::Debug, Trait::PartialEq];
        if matches!(item.fields, Fields::Unit) {
            let (derives, wire) = (derives(&item.attrs, &traits)?, self.unit(item));
            return Ok(quote!(#derives #item #wire));
        }
        traits.extend([Trait::Serialize, Trait::Deserialize, Trait::JsonSchema]);
        let derives = derives(&item.attrs, &traits)?;
        let strict = matches!(self, Self::Command).then(|| quote!(#[serde(deny_unknown_fields)]));
        Ok(quote!(#derives #strict #item))
    }

    fn unit(self, item: &ItemStruct) -> TokenStream {
        let ident = &item.ident;
        let name = ident.to_string();
        let empty = match self {
            Self::Command => quote!(::cantus_sdk::__private::EmptyCommand),
            Self::Event => quote!(::cantus_sdk::__private::EmptyEvent),
        };
        quote! {
            const _: () = {
                use ::cantus_sdk::__private::{schemars, serde};

                impl serde::Serialize for #ident {
                    fn serialize<S: serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                        serde::Serialize::serialize(&#empty {}, serializer)
                    }
                }

                impl<'de> serde::Deserialize<'de> for #ident {
                    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<Self, D::Error> {
                        <#empty as serde::Deserialize>::deserialize(deserializer).map(|_| Self)
                    }
                }

                impl schemars::JsonSchema for #ident {
                    fn schema_name() -> ::std::borrow::Cow<'static, str> {
                        ::std::borrow::Cow::Borrowed(#name)
                    }

                    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                        <#empty as schemars::JsonSchema>::json_schema(generator)
                    }
                }
            };
        }
    }
}

/// Hashes a name (FNV-1a), because a trait's parameter cannot be a string.
pub(crate) fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
