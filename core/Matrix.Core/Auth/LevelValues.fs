namespace Matrix.Core.Auth

open System
open Matrix.Rules
open Matrix.Core.Json

/// Values that count as power levels. Room versions, "Deprecated event content schemas".
[<RequireQualifiedAccess>]
module LevelValues =

    /// The two ends of the range stand for "no power" and "above all levels" and are no levels.
    let private inRange (n: int64) : int64 voption =
        if n > Int64.MinValue && n < Int64.MaxValue then
            ValueSome n
        else
            ValueNone

    /// An integer with an optional sign, leading zeroes, and white space around it.
    let private ofText (text: string) : int64 voption =
        let trimmed = text.AsSpan().Trim()
        let signed = trimmed.Length > 0 && (trimmed[0] = '-' || trimmed[0] = '+')
        let digits = if signed then trimmed.Slice 1 else trimmed

        let mutable ok = digits.Length > 0
        let mutable i = 0

        while ok && i < digits.Length do
            ok <- Char.IsAsciiDigit digits[i]
            i <- i + 1

        let mutable n = 0L

        if
            ok
            && Int64.TryParse(
                trimmed,
                Globalization.NumberStyles.AllowLeadingSign,
                Globalization.CultureInfo.InvariantCulture,
                &n
            )
        then
            inRange n
        else
            ValueNone

    /// Truncated at the decimal point. What a 64-bit integer cannot hold is no level.
    let private ofFloat (d: double) : int64 voption =
        let whole = Math.Truncate d

        if whole > -9.2e18 && whole < 9.2e18 then
            ValueSome(int64 whole)
        else
            ValueNone

    /// The level that a value stands for, if it stands for one.
    let read (values: PowerLevelValues) (json: Json) : int64 voption =
        match json with
        | Json.Int n -> inRange n
        | Json.String text when values <> PowerLevelValues.Integers -> ofText text
        | Json.Float d when values = PowerLevelValues.IntegersFloatsAndStrings -> ofFloat d
        | _ -> ValueNone

    /// The level of a member of an object; none if it is not there or is no level.
    let ofMember (values: PowerLevelValues) (o: JsonObject) (key: string) : int64 voption =
        match o.TryFind key with
        | ValueSome json -> read values json
        | ValueNone -> ValueNone
