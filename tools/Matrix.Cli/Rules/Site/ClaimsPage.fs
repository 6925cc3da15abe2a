namespace Matrix.Cli.Rules.Site

open Giraffe.ViewEngine
open Matrix.Properties.Claims
open Matrix.Rules

/// The page of what is claimed of a version.
[<RequireQualifiedAccess>]
module internal ClaimsPage =

    let private section (claim: Claim) : XmlNode =
        match claim.Section.Split ' ' with
        | [| release; section |] ->
            Pieces.linkTo ("https://spec.matrix.org/" + release + "/" + section.Replace("#", "/#")) [
                str (section.Replace('#', ' ').Replace('-', ' '))
            ]
        | _ -> str claim.Section

    let private exception' (e: Exception) : XmlNode =
        li [] [
            p [] [ str "Except "; Pieces.code e.Name; str (": " + e.Why + ".") ]
            p [ _class "decides" ] [ str ("if " + ClaimText.statement e.Is) ]
        ]

    let private row (claim: Claim) : XmlNode =
        tr [ _id claim.Name ] [
            td [] [
                div [ _class "rule" ] [
                    div [] [
                        p [] [ str claim.Sentence ]
                        p [ _class "name" ] [
                            Pieces.linkTo ("#" + claim.Name) [ Pieces.code claim.Name ]
                            str " "
                            section claim
                        ]
                        p [] [ str claim.Reason ]
                    ]
                    p [ _class "decides" ] [
                        str (
                            "if "
                            + ClaimText.statement claim.When
                            + ", then "
                            + ClaimText.statement claim.Then
                        )
                    ]
                    if not claim.Exceptions.IsEmpty then
                        ul [ _class "bare" ] (claim.Exceptions |> List.map exception')
                ]
            ]
        ]

    /// The page; `versions` are those of the site.
    let write (versions: RoomVersion list) (version: RoomVersion) : string =
        let claims = Claims.of' version

        Pieces.page ("Claims about room version " + version.Id) versions [
            h1 [] [ str ("Claims about room version " + version.Id) ]
            p [ _class "lead" ] [
                str
                    "What holds of every decision of this version, stated apart from its rules: who alone may do \
                     something, and who can. "
                Pieces.linkTo (Pieces.versionFile version) [ str "The rules." ]
            ]
            table [ _class "rules" ] [
                caption [] [ str (string claims.Length + " claims") ]
                thead [] [
                    tr [] [ th [ _scope "col" ] [ str "Claim, with its reason and exceptions" ] ]
                ]
                tbody [] (claims |> List.map row)
            ]
        ]
