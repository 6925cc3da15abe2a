namespace Matrix.Core.Sync

open System
open System.Collections.Generic

/// Event types of a filter, in which `*` matches any sequence of characters. v1.19 client-server-api#filtering
[<Sealed>]
type internal TypePatterns(patterns: string[]) =

    let exact =
        HashSet<string>(patterns |> Array.filter (fun p -> not (p.Contains '*')), StringComparer.Ordinal)

    let wild =
        patterns
        |> Array.filter (fun p -> p.Contains '*')
        |> Array.map (fun p -> p.Split '*')

    /// Matches the parts between stars, each as early as possible, which leaves the most text for later parts.
    static let matches (parts: string[]) (text: string) =
        let first, last = parts[0], parts[parts.Length - 1]

        if
            text.Length < first.Length + last.Length
            || not (text.StartsWith(first, StringComparison.Ordinal))
            || not (text.EndsWith(last, StringComparison.Ordinal))
        then
            false
        else
            let stop = text.Length - last.Length
            let mutable at = first.Length
            let mutable i = 1

            while at >= 0 && i < parts.Length - 1 do
                let found = text.IndexOf(parts[i], at, stop - at, StringComparison.Ordinal)
                at <- if found < 0 then -1 else found + parts[i].Length
                i <- i + 1

            at >= 0

    /// Whether a type matches one of these.
    member _.Match(eventType: string) : bool =
        exact.Contains eventType
        || (wild.Length > 0 && Array.exists (fun parts -> matches parts eventType) wild)
