namespace Matrix.Testing

open System
open System.Text.RegularExpressions
open Expecto
open Matrix.Properties

/// Properties as tests.
[<AutoOpen>]
module Properties =

    /// What `MATRIX_REPLAY` names: the seed, the second number and the size that a failure printed, in any brackets.
    let private replay: (uint64 * uint64 * int option) option =
        match Environment.GetEnvironmentVariable "MATRIX_REPLAY" with
        | null
        | "" -> None
        | text ->
            match [ for number in Regex.Matches(text, @"\d+") -> uint64 number.Value ] with
            | [ seed; gamma ] -> Some(seed, gamma, None)
            | [ seed; gamma; size ] -> Some(seed, gamma, Some(int size))
            | _ -> failwith $"MATRIX_REPLAY is two or three numbers, as a failure prints them, and not {text}"

    /// A test for each property, which checks it this many times, or less often if the property says so.
    let testProperties (checks: int) (properties: seq<Property>) : Test =
        testList "properties" [
            for property in properties do
                let config = {
                    FsCheckConfig.defaultConfig with
                        maxTest = min checks property.AtMost
                        replay = replay
                }

                testPropertyWithConfig config property.Name (property.ForFsCheck ignore)
        ]
