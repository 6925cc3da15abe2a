namespace Matrix.Rules.Printing

open Matrix.Rules

/// The files of `rules/printed`: every version, and its difference from its parent.
[<RequireQualifiedAccess>]
module Pages =

    /// The files by name, as lines of Markdown.
    let all: (string * string list) list = [
        for v in Versions.withUnstable do
            v.Id + ".md", Markdown.ofDocument (Document.ofVersion Areas.all v)

            match v.Parent |> Option.bind Versions.tryFindUnstable with
            | Some parent ->
                parent.Id + "-to-" + v.Id + ".md", Markdown.ofDifference (Difference.between Areas.all parent v)
            | None -> ()
    ]
