/// The positions and outcomes of the tables agree with an outline of the specification's pages.
module Matrix.Rules.Tests.OutlineTests

open System.IO
open System.Text.Json
open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Rules.Tests.Check

/// A numbered item: its position, its printed number, and the outcomes that its sentence names.
type private Line = {
    At: string
    Printed: string
    Says: string list
}

let private outline: Map<string, Line list> =
    let path =
        Path.Combine(System.AppContext.BaseDirectory, "vectors", "authorization-outline.json")

    use json = JsonDocument.Parse(File.ReadAllBytes path)

    Map [
        for version in json.RootElement.GetProperty("versions").EnumerateObject() ->
            version.Name,
            [
                for line in version.Value.EnumerateArray() ->
                    let at = line.GetProperty("at").GetString() |> string

                    {
                        At = at
                        Printed =
                            match line.TryGetProperty "printed" with
                            | true, printed -> string (printed.GetString())
                            | _ -> at
                        Says = [ for s in line.GetProperty("says").EnumerateArray() -> string (s.GetString()) ]
                    }
            ]
    ]

let private tableOf (version: RoomVersion) : Line list = [
    for item in Flatten.numbered version do
        // The page does not have our readings.
        if item.Number <> "" then
            {
                At = item.At
                Printed = item.Number
                Says =
                    match item.Outcome with
                    | Some Outcome.Allow -> [ "allow" ]
                    | Some(Outcome.Reject _) -> [ "reject" ]
                    | None -> []
            }
]

let tests =
    testList "OutlineTests" [
        test "The outline covers the versions and 934 items" {
            outline |> Map.keys |> set |> equal (Versions.all |> List.map _.Id |> set)
            outline |> Map.values |> Seq.sumBy List.length |> equal 934

            outline
            |> Map.values
            |> Seq.sumBy (List.filter (fun l -> l.Says.IsEmpty) >> List.length)
            |> equal 227
        }

        testTheory "Every numbered rule of the page is a rule of the table, with its number and outcome" [
            "1"
            "2"
            "3"
            "4"
            "5"
            "6"
            "7"
            "8"
            "9"
            "10"
            "11"
            "12"
        ]
        <| fun id ->
            let version = Versions.tryFind id |> Option.get
            tableOf version |> equal outline[id]

        test "A table that lacks a rule does not agree with the outline" {
            let broken = {
                Versions.v12 with
                    Authorization = Rule.edit (Edit.Remove "member.join.banned") Versions.v12.Authorization
            }

            Expect.isFalse (tableOf broken = outline["12"]) "table of"
        }
    ]
