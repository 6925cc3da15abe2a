namespace Matrix.Rules.Printing

open Matrix.Rules

/// What `rules/printed` holds: every version, and what it changed of its parent.
[<RequireQualifiedAccess>]
module Pages =

    /// Files by name, as lines of Markdown.
    let all: (string * string list) list = [
        for v in Versions.withUnstable do
            v.Id + ".md", Markdown.ofDocument (Document.ofVersion Areas.all v)

            match v.Parent |> Option.bind Versions.tryFindUnstable with
            | Some parent ->
                parent.Id + "-to-" + v.Id + ".md", Markdown.ofDifference (Difference.between Areas.all parent v)
            | None -> ()
    ]
