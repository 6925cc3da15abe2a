namespace Matrix.Proofs.Universe

open Matrix.Core.Ident
open Matrix.Proofs.Encoding
open Matrix.Proofs.Smt
open Matrix.Properties.SmallWorlds

/// The texts of the small universe, and what is known of each.
[<RequireQualifiedAccess>]
module SmallTexts =

    /// Servers.
    let servers = [ "one"; "two" ]

    /// A text that is a level in versions where strings are.
    let level = "7"

    /// Texts beside the literals of a question.
    let all: string list =
        Universe.users
        @ servers
        @ [
            $"{Universe.alice}_laptop"
            "@nobody"
            Universe.token
            level
            "org.example.text"
        ]

    /// The definition of a function of texts by its value for each of them.
    let private table (name: string) (sort: string) (texts: string list) (value: string -> Term) (otherwise: Term) =
        let x = Term.symbol "x"

        let body =
            (texts, otherwise)
            ||> List.foldBack (fun text rest ->
                match value text with
                | same when same = otherwise -> rest
                | different -> Term.ite (Term.equal x (Words.literal text)) different rest)

        Term.define name [ "x", "Text" ] sort body

    let private truth (holds: bool) = if holds then Term.yes else Term.no

    /// What the declared functions of texts are for these.
    let definitions (texts: string list) : Term list =
        let nothing = Words.literal ""

        let domain (text: string) =
            match text.IndexOf ':' with
            | -1 -> nothing
            | at when List.contains (text.Substring(at + 1)) texts -> Words.literal (text.Substring(at + 1))
            | _ -> nothing

        let owner (text: string) =
            match text.IndexOf '_' with
            | at when at > 0 && List.contains (text.Substring(0, at)) Universe.users ->
                Words.literal (text.Substring(0, at))
            | _ when UserId.isValid text -> Words.literal text
            | _ -> nothing

        [
            Term.declare "starts-with" [ "Text"; "Text" ] "Bool"
            table "is-user-id" "Bool" texts (UserId.isValid >> truth) Term.no
            table "plain-has-domain" "Bool" texts (fun text -> truth (text.Contains ':')) Term.no
            table "domain" "Text" texts domain nothing
            table "plain-starts-with-at" "Bool" texts (fun text -> truth (text.StartsWith '@')) Term.no
            table "plain-has-owner" "Bool" texts (fun text -> truth (owner text <> nothing)) Term.no
            table "owner" "Text" texts owner nothing
            table "is-level-text" "Bool" texts (fun text -> truth (text = level)) Term.no
            table
                "level-of-text"
                "Int"
                texts
                (fun text -> if text = level then Term.number 7I else Term.number 0I)
                (Term.number 0I)
            table
                "place"
                "Int"
                texts
                (fun text -> Term.number (bigint (List.findIndex ((=) text) (List.sort texts))))
                (Term.number 0I)
        ]
