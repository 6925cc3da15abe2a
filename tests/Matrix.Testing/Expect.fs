namespace Matrix.Testing

open System
open System.Collections
open Expecto

/// Expectations that Expecto's `Expect` lacks, or that show the elements here when they fail.
[<RequireQualifiedAccess>]
module Expect =

    let private all (elements: seq<'a>) = $"%A{List.ofSeq elements}"

    /// Structurally the same. For lists, which `%A` shortens, names where they begin to differ.
    let equal (actual: 'a) (expected: 'a) (message: string) : unit =
        if actual <> expected then
            let elements (value: 'a) : objnull list option =
                match box value with
                | :? string -> None
                | :? IEnumerable as elements -> Some [ for element in elements -> element ]
                | _ -> None

            let place =
                match elements actual, elements expected with
                | Some actual, Some expected ->
                    let areSame (a: objnull, b: objnull) =
                        LanguagePrimitives.GenericEqualityComparer.Equals(a, b)

                    let same = Seq.zip actual expected |> Seq.takeWhile areSame |> Seq.length

                    let at (elements: objnull list) =
                        List.tryItem same elements
                        |> Option.map (sprintf "%A")
                        |> Option.defaultValue "the end"

                    $"{message}. They differ at [{same}]: expected {at expected}, but got {at actual}"
                | _ -> message

            Expecto.Expect.equal actual expected place

    /// There are no elements.
    let isEmpty (actual: seq<'a>) (message: string) : unit =
        if not (Seq.isEmpty actual) then
            failtest $"{message}. Expected no elements, but there are:\n{all actual}"

    /// One of the elements is this one.
    let contains (actual: seq<'a>) (element: 'a) (message: string) : unit =
        if not (Seq.contains element actual) then
            failtest $"{message}. Expected\n%A{element}\namong:\n{all actual}"

    /// One of the texts contains this one.
    let anyContains (actual: seq<string>) (part: string) (message: string) : unit =
        if not (actual |> Seq.exists _.Contains(part, StringComparison.Ordinal)) then
            failtest $"{message}. Expected a text with '{part}' among:\n{all actual}"

    /// The same elements, each as often, in any order.
    let sameElements (actual: seq<'a>) (expected: seq<'a>) (message: string) : unit =
        let without (others: seq<'a>) (elements: seq<'a>) =
            (List.ofSeq elements, others)
            ||> Seq.fold (fun left other ->
                match List.tryFindIndex ((=) other) left with
                | Some i -> List.removeAt i left
                | None -> left)

        let missing = expected |> without actual
        let surplus = actual |> without expected

        if not (missing.IsEmpty && surplus.IsEmpty) then
            failtest
                $"{message}. Missing: %A{missing}\nNot expected: %A{surplus}\n\
                  expected:\n{all expected}\n  actual:\n{all actual}"

    /// No element is there twice.
    let isDistinct (actual: seq<'a>) (message: string) : unit =
        let twice = actual |> Seq.countBy id |> Seq.filter (fun (_, count) -> count > 1)

        if not (Seq.isEmpty twice) then
            failtest $"{message}. Expected each element once, but there are:\n{all twice}"

    /// The two are one object.
    let isSame (actual: 'a) (expected: 'a) (message: string) : unit =
        if not (Object.ReferenceEquals(actual, expected)) then
            failtest $"{message}. Expected the same object.\nexpected: %A{expected}\n  actual: %A{actual}"

    /// The least and the greatest value are allowed too.
    let isBetween (actual: 'a) (least: 'a, greatest: 'a) (message: string) : unit =
        if actual < least || actual > greatest then
            failtest $"{message}. Expected {least} to {greatest}, but it is {actual}."
