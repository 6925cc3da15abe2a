namespace Matrix.Core.Auth

open System
open Matrix.Rules
open Matrix.Core.Json

/// Values that count as power levels. v1.19 rooms/v1#deprecated-event-content-schemas
[<RequireQualifiedAccess>]
module LevelValues =

    /// Clamps a value: the least and greatest 64-bit integers mean "no power" and "above all levels".
    let private within (n: int64) : int64 =
        Math.Clamp(n, -Limits.Power, Limits.Power)

    /// An integer with an optional sign, leading zeroes, and white space around it.
    /// v1.19 rooms/v1#mroompower_levels-events-accept-values-as-strings
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

        if not ok then
            ValueNone
        elif
            Int64.TryParse(
                trimmed,
                Globalization.NumberStyles.AllowLeadingSign,
                Globalization.CultureInfo.InvariantCulture,
                &n
            )
        then
            ValueSome(within n)
        else
            // Too many digits for 64 bits.
            ValueSome(if trimmed[0] = '-' then -Limits.Power else Limits.Power)

    /// Truncated at the decimal point. v1.19 rooms/v1#mroompower_levels-events-accept-values-as-floats
    let private ofFloat (d: double) : int64 voption =
        if not (Double.IsFinite d) then
            ValueNone
        elif d >= double Limits.Power then
            ValueSome Limits.Power
        elif d <= -(double Limits.Power) then
            ValueSome(-Limits.Power)
        else
            ValueSome(int64 (Math.Truncate d))

    /// The level that a value gives, if it is one.
    let read (values: PowerLevelValues) (json: Json) : int64 voption =
        match json with
        | Json.Int n -> ValueSome(within n)
        | Json.String text when values <> PowerLevelValues.Integers -> ofText text
        | Json.BigInt digits when values = PowerLevelValues.IntegersFloatsAndStrings -> ofText digits
        | Json.Float d when values = PowerLevelValues.IntegersFloatsAndStrings -> ofFloat d
        | _ -> ValueNone

    /// The level that a value gives; none if the value is missing or no level.
    let tryRead (values: PowerLevelValues) (json: Json voption) : int64 voption =
        match json with
        | ValueSome json -> read values json
        | ValueNone -> ValueNone

    /// The level of a member of an object; none if it is missing or no level.
    let ofMember (values: PowerLevelValues) (o: JsonObject) (key: string) : int64 voption =
        tryRead values (o.TryFind key)
