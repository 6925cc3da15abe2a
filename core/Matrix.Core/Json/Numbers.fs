namespace Matrix.Core.Json

open System
open System.Buffers.Text
open System.Globalization
open System.Text

/// Number literals: which are integers, and how the floats of old room versions are written. See the decision record
/// "Minus zero, exponents and floats".
[<RequireQualifiedAccess>]
module Numbers =

    /// The greatest integer of canonical JSON, 2^53 - 1. Its negative is the least.
    [<Literal>]
    let MaxInteger = Matrix.Rules.Limits.Integer

    // From here on, a literal with an exponent stays a float, since other servers write great floats so.
    [<Literal>]
    let private MaxExponentInteger = 9999999999999999L

    /// An integer literal: `-?digits`, and an optional exponent that is not negative. -1 if it is none, -2 if it
    /// overflows 64 bits.
    let private tryInteger (text: ReadOnlySpan<byte>) (value: byref<int64>) : int =
        let negative = text[0] = '-'B
        let mutable i = if negative then 1 else 0
        let mutable magnitude = 0UL
        let mutable fits = true

        while i < text.Length && text[i] >= '0'B && text[i] <= '9'B do
            let digit = uint64 (text[i] - '0'B)

            if magnitude > 922337203685477580UL then
                fits <- false
            else
                magnitude <- magnitude * 10UL + digit

            i <- i + 1

        let mutable isInteger = true

        if i < text.Length then
            // Only an exponent without a sign, or with a plus, leaves an integer.
            if text[i] <> 'e'B && text[i] <> 'E'B then
                isInteger <- false
            else
                i <- i + 1

                if text[i] = '-'B then
                    isInteger <- false
                else
                    if text[i] = '+'B then
                        i <- i + 1

                    let mutable exponent = 0

                    while i < text.Length do
                        exponent <- min 1000 (exponent * 10 + int (text[i] - '0'B))
                        i <- i + 1

                    while exponent > 0 && fits && magnitude <> 0UL do
                        if magnitude > uint64 MaxExponentInteger / 10UL then
                            fits <- false
                        else
                            magnitude <- magnitude * 10UL
                            exponent <- exponent - 1

        if not isInteger then
            -1
        elif not fits then
            -2
        elif negative && magnitude <= 9223372036854775808UL then
            value <- int64 (0UL - magnitude)
            0
        elif not negative && magnitude <= 9223372036854775807UL then
            value <- int64 magnitude
            0
        else
            -2

    /// Whether an overflowing literal consists of digits alone. With an exponent it is a float, as in other servers.
    let private isDigits (text: ReadOnlySpan<byte>) : bool = text.IndexOfAny('e'B, 'E'B) < 0

    /// Reads a literal whose grammar was checked. The fault is `NotAnInteger`, `OutOfRange` or `FloatOutOfRange`.
    let internal read (text: ReadOnlySpan<byte>) (reading: Reading) (value: byref<Json>) : JsonFault voption =
        let mutable n = 0L

        match tryInteger text &n, reading with
        | 0, Reading.Strict when n > MaxInteger || n < -MaxInteger -> ValueSome JsonFault.OutOfRange
        | 0, _ ->
            value <- Json.Int n
            ValueNone
        | -1, Reading.Strict -> ValueSome JsonFault.NotAnInteger
        | _, Reading.Strict -> ValueSome JsonFault.OutOfRange
        | -2, _ when isDigits text ->
            value <- Json.BigInt(Encoding.ASCII.GetString text)
            ValueNone
        | _ ->
            let mutable d = 0.0
            let mutable consumed = 0

            if
                Utf8Parser.TryParse(text, &d, &consumed)
                && consumed = text.Length
                && Double.IsFinite d
            then
                value <- Json.Float d
                ValueNone
            else
                ValueSome JsonFault.FloatOutOfRange

    /// A float as other servers write it: the fewest digits that read back the same, always with a decimal point or an
    /// exponent of two digits or more (`1.0`, `1e-05`, `1.5e+300`).
    let formatFloat (d: double) : string =
        let shortest = d.ToString("R", CultureInfo.InvariantCulture).TrimStart '-'

        let mantissa, scale =
            match shortest.IndexOf 'E' with
            | -1 -> shortest, 0
            | e ->
                shortest.Substring(0, e),
                Int32.Parse(shortest.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)

        let point =
            match mantissa.IndexOf '.' with
            | -1 -> mantissa.Length
            | at -> at

        let all = mantissa.Replace(".", "")
        let zeros = all.Length - all.TrimStart('0').Length
        let digits = if d = 0.0 then "0" else all.Trim '0'
        // The power of ten of the first digit that is not zero.
        let exponent = if d = 0.0 then 0 else scale + point - 1 - zeros

        let out = StringBuilder()

        if Double.IsNegative d then
            out.Append '-' |> ignore

        if exponent < -4 || exponent >= 16 then
            out.Append(digits[0]) |> ignore

            if digits.Length > 1 then
                out.Append('.').Append(digits, 1, digits.Length - 1) |> ignore

            let sign = if exponent < 0 then '-' else '+'

            out.Append('e').Append(sign).Append((abs exponent).ToString("00", CultureInfo.InvariantCulture))
            |> ignore
        elif exponent < 0 then
            out.Append("0.").Append('0', -exponent - 1).Append(digits) |> ignore
        elif digits.Length <= exponent + 1 then
            out.Append(digits).Append('0', exponent + 1 - digits.Length).Append(".0")
            |> ignore
        else
            out.Append(digits, 0, exponent + 1).Append('.').Append(digits, exponent + 1, digits.Length - exponent - 1)
            |> ignore

        out.ToString()
