namespace Matrix.Core.Discovery

open System

/// How long a response may be kept by its header fields. RFC 9111.
[<RequireQualifiedAccess>]
module internal CacheControl =

    /// Beyond it a number of seconds is read as this: 2^31, as RFC 9111 has it for numbers that are too large.
    [<Literal>]
    let MaxSeconds = 2147483648L

    /// The directives, separated by commas outside of quoted strings.
    let private directives (field: string) : string list =
        let rec split from at quoted found =
            if at >= field.Length then
                List.rev (field.Substring from :: found)
            else
                match field[at] with
                | '\\' when quoted -> split from (at + 2) quoted found
                | '"' -> split from (at + 1) (not quoted) found
                | ',' when not quoted -> split (at + 1) (at + 1) false (field.Substring(from, at - from) :: found)
                | _ -> split from (at + 1) quoted found

        split 0 0 false []

    /// A directive's name in lower case, and its argument without quotes; "" if it has none.
    let private named (directive: string) : struct (string * string) =
        match directive.IndexOf '=' with
        | -1 -> struct (directive.Trim().ToLowerInvariant(), "")
        | i ->
            let argument = directive.Substring(i + 1).Trim()

            let plain =
                if argument.Length >= 2 && argument[0] = '"' && argument[argument.Length - 1] = '"' then
                    argument.Substring(1, argument.Length - 2)
                else
                    argument

            struct (directive.Substring(0, i).Trim().ToLowerInvariant(), plain)

    /// A number of seconds; 0 if it is none, because responses with invalid freshness information count as stale.
    let private seconds (argument: string) : int64 =
        if argument = "" || not (String.forall Char.IsAsciiDigit argument) then
            0L
        elif argument.TrimStart('0').Length > 10 then
            MaxSeconds
        else
            min MaxSeconds (Int64.Parse(argument, Globalization.CultureInfo.InvariantCulture))

    /// Milliseconds from `now` for which a response is fresh; none if no header field says so. `no-store` and
    /// `no-cache` outweigh `max-age`, which outweighs `Expires`.
    let freshFor (field: string) (expires: int64) (date: int64) (age: int64) (now: int64) : int64 voption =
        let given = directives field |> List.map named

        let has name =
            given |> List.exists (fun struct (n, _) -> n = name)

        let aged (milliseconds: int64) =
            max 0L (milliseconds - 1000L * min (max 0L age) MaxSeconds)

        if has "no-store" || has "no-cache" then
            ValueSome 0L
        else
            match given |> List.tryFind (fun struct (n, _) -> n = "max-age") with
            | Some(struct (_, argument)) -> ValueSome(aged (1000L * seconds argument))
            | None when expires >= 0L -> ValueSome(aged (expires - (if date >= 0L then date else now)))
            | None -> ValueNone
