using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Text;
using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Parts;
using Matrix.Host.Users.SingleSignOn;

namespace Matrix.Host.Configuration;

/// <summary>The type of a setting: how it is parsed, written, and described in errors.</summary>
internal abstract class ConfigType(string expected)
{
    /// <summary>Completes "expected …".</summary>
    internal string Expected { get; } = expected;

    /// <summary>Whether the value is a list, written as a YAML list or with commas.</summary>
    internal bool IsList { get; init; }

    /// <summary>Whether the value is a JSON object or array, written as such or as a YAML mapping or list.</summary>
    internal bool IsObject { get; init; }

    /// <summary>The value of a text. False if it is not valid.</summary>
    internal abstract bool TryRead(string text, out object? value);

    /// <summary>A value as written in a file.</summary>
    internal abstract string Write(object? value);

    /// <summary>A text that two values have in common only if they are the same.</summary>
    internal virtual string Compared(object? value) => Write(value);
}

/// <summary>The type of settings whose values have one type.</summary>
internal abstract class ConfigType<T>(string expected) : ConfigType(expected)
{
    internal abstract bool TryParse(string text, [MaybeNullWhen(false)] out T value);

    internal virtual string Show(T value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    internal override bool TryRead(string text, out object? value)
    {
        var isValid = TryParse(text, out var parsed);
        value = parsed;
        return isValid;
    }

    internal override string Write(object? value) => Show((T)value!);
}

/// <summary>The types of settings.</summary>
internal static class ConfigTypes
{
    private static readonly (string Name, long Size)[] _byteUnits =
        [("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10), ("", 1)];

    // The longer name first: `ms` also ends with `s`.
    private static readonly (string Name, long Size)[] _timeUnits =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1), ("", 1)];

    internal static ConfigType<string> Text { get; } = new Parsed<string>(
        "text", static t => (true, t), static t => t.Length == 0 ? "\"\"" : t);

    internal static ConfigType<string> ServerName { get; } =
        new Parsed<string>(
            "a server name, such as example.org or localhost:8448", static t => (Core.Ident.ServerName.IsValid(t), t));

    internal static ConfigType<string> ServerNameOrNone { get; } =
        new Parsed<string>(
            "a server name, such as matrix.example.org:443, or nothing",
            static t => (t.Length == 0 || Core.Ident.ServerName.IsValid(t), t),
            static t => t.Length == 0 ? "\"\"" : t);

    internal static ConfigType<string> LocalpartOrNone { get; } = new Parsed<string>(
        "lower-case letters, digits and . _ = / + -, or nothing",
        static t => (t.Length < 200 && t.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c)
            || "._=/+-".Contains(c)), t),
        static t => t.Length == 0 ? "\"\"" : t);

    internal static ConfigType<bool> Flag { get; } =
        new Parsed<bool>(
            "true or false", static t => (t is "true" or "false", t == "true"), static f => f ? "true" : "false");

    internal static ConfigType<IPEndPoint?> Listener { get; } = new Parsed<IPEndPoint?>(
        "address:port, such as 127.0.0.1:8008 or [::]:8008, or nothing",
        static t => t.Length == 0
            ? (true, null)
            : (IPEndPoint.TryParse(t, out var at) && t.LastIndexOf(':') > t.LastIndexOf(']'), at),
        static e => e is null ? "\"\"" : e.ToString());

    internal static ConfigType<double> Number { get; } = new Parsed<double>(
        "a number greater than 0",
        static t =>
            (double.TryParse(t, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var n) && n > 0, n));

    internal static ConfigType<string> HttpUrl { get; } = new Parsed<string>(
        "an address that starts with http:// or https://, or nothing",
        static t =>
            (t.Length == 0 || (Uri.TryCreate(t, UriKind.Absolute, out var u) && u.Scheme is "http" or "https"), t),
        static t => t.Length == 0 ? "\"\"" : t);

    internal static ConfigType<string> DatabaseUrl { get; } = new Parsed<string>(
        "sqlite:FILE or postgres://user:password@host:port/name",
        static t => ((t.StartsWith("sqlite:", StringComparison.Ordinal) && t.Length > 7)
            || (t.StartsWith("postgres://", StringComparison.Ordinal)
                && Uri.TryCreate(t, UriKind.Absolute, out var u)
                && u.AbsolutePath.Length > 1), t));

    /// <summary>The type of an option's setting.</summary>
    internal static ConfigType Of(SettingAttribute setting, Type option)
    {
        var isBounded = setting is not { Least: 0, Most: long.MaxValue };
        var mayBeBounded = setting.Form == SettingForm.Bytes
            || (setting.Form == SettingForm.Usual && (option == typeof(int) || option == typeof(long)));
        return isBounded && !mayBeBounded
            ? throw new ArgumentException($"{setting.Name} has bounds: only integers and bytes have them.")
            : OfForm(setting, option);
    }

    private static ConfigType OfForm(SettingAttribute setting, Type option) => setting.Form switch
    {
        SettingForm.Usual => Usual(setting, option),
        SettingForm.Bytes => FewBytes((int)setting.Least, (int)Math.Min(setting.Most, int.MaxValue)),
        SettingForm.Timer => TimerDuration,
        SettingForm.HttpUrl => HttpUrl,
        SettingForm.ServerName => ServerName,
        SettingForm.ServerNameOrNone => ServerNameOrNone,
        SettingForm.LocalpartOrNone => LocalpartOrNone,
        SettingForm.DatabaseUrl => DatabaseUrl,
        SettingForm.PublicKeyOrNone => PublicKeyOrNone,
        SettingForm.RoomVersion => OneOf([.. RoomRules.Known, .. RoomRules.Unstable]),
        SettingForm.UnstableRoomVersions => SomeOf([.. RoomRules.Unstable]),
        SettingForm.Path => Text,
        SettingForm.Paths => Paths,
        SettingForm.ServerNames => ServerNames,
        SettingForm.ServerPatterns => ServerPatterns,
        SettingForm.AddressPatterns => AddressPatterns,
        SettingForm.Contacts => Contacts,
        SettingForm.Countries => Countries,
        SettingForm.Origins => Origins,
        SettingForm.RoomIds => RoomIds,
        SettingForm.TurnUris => TurnUris,
        SettingForm.UrlBeginnings => UrlBeginnings,
        _ => throw new ArgumentException($"{setting.Name} has an unknown form."),
    };

    private static ConfigType Usual(SettingAttribute setting, Type option) =>
        option == typeof(int) ? Whole((int)setting.Least, (int)Math.Min(setting.Most, int.MaxValue))
        : option == typeof(long) ? Bytes(setting.Least, setting.Most)
        : option == typeof(double) ? Number
        : option == typeof(bool) ? setting.Words is [var no, var yes] ? OneOf((no, false), (yes, true)) : Flag
        : option == typeof(string) ? setting.Words.Length > 0 ? OneOf(setting.Words) : Text
        : option.IsEnum ? new NamesOf(option, setting.Words, setting.Synonyms)
        : _byOption.GetValueOrDefault(option)
            ?? throw new ArgumentException($"{setting.Name} needs a form: {option} can be written in several ways.");

    /// <summary>An integer within bounds.</summary>
    internal static ConfigType<int> Whole(int least, int most = int.MaxValue) => new Parsed<int>(
        most == int.MaxValue ? $"an integer of at least {least}" : $"an integer from {least} to {most}",
        t => (
            int.TryParse(t, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var n)
                && n >= least
                && n <= most,
            n));

    /// <summary>A number of bytes, with an optional unit.</summary>
    internal static ConfigType<long> Bytes(long least, long most = long.MaxValue) => new Parsed<long>(
        $"bytes, such as 65536 or 64KiB, from {ShowBytes(least)}"
            + (most == long.MaxValue ? "" : $" to {ShowBytes(most)}"),
        t => (TryParseUnits(t, _byteUnits, out var n) && n >= least && n <= most, n),
        ShowBytes);

    /// <summary>A number of bytes that fits 32 bits.</summary>
    internal static ConfigType<int> FewBytes(int least, int most)
    {
        var bytes = Bytes(least, most);
        return new Parsed<int>(bytes.Expected, t => (bytes.TryParse(t, out var n), (int)n), static n => ShowBytes(n));
    }

    /// <summary>A duration with its unit.</summary>
    internal static ConfigType<TimeSpan> Duration { get; } = new Parsed<TimeSpan>(
        "a time, such as 500ms, 30s, 15m, 24h or 7d",
        static t => (
            TryParseUnits(t, _timeUnits, out var ms) && !char.IsAsciiDigit(t[^1]) && ms > 0,
            TimeSpan.FromMilliseconds(ms)),
        static d =>
            _timeUnits.Where(u => d.TotalMilliseconds % u.Size == 0)
                .Select(u => $"{(long)d.TotalMilliseconds / u.Size}{u.Name}").First());

    /// <summary>A duration that a timer can have.</summary>
    internal static ConfigType<TimeSpan> TimerDuration { get; } = new Parsed<TimeSpan>(
        Duration.Expected + ", at most 24d",
        static t => (Duration.TryParse(t, out var d) && d <= TimeSpan.FromDays(24), d),
        Duration.Show);

    /// <summary>A duration with its unit, or for ever.</summary>
    internal static ConfigType<TimeSpan?> DurationOrEver { get; } = new Parsed<TimeSpan?>(
        Duration.Expected + ", or ever",
        static t => t == "ever" ? (true, null) : (Duration.TryParse(t, out var d), d),
        static d => d is { } time ? Duration.Show(time) : "ever");

    /// <summary>A point in time.</summary>
    internal static ConfigType<DateTimeOffset?> TimeOrNone { get; } = new Parsed<DateTimeOffset?>(
        "a time, such as 2026-11-23T00:00:00Z, or nothing",
        static t => t.Length == 0
            ? (true, null)
            : (DateTimeOffset.TryParse(
                t, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time), time),
        static t => t is { } time ? time.ToString("o", CultureInfo.InvariantCulture) : "\"\"");

    /// <summary>One of several words.</summary>
    internal static ConfigType<string> OneOf(params string[] words) =>
        new Parsed<string>("one of " + string.Join(", ", words), t => (words.Contains(t), t));

    /// <summary>One of several words, each with its value.</summary>
    internal static ConfigType<T> OneOf<T>(params (string Word, T Value)[] words) => new Parsed<T>(
        "one of " + string.Join(", ", words.Select(w => w.Word)),
        t => words.Where(w => w.Word == t).Select(w => (true, w.Value)).FirstOrDefault(),
        value => words.First(w => EqualityComparer<T>.Default.Equals(w.Value, value)).Word);

    /// <summary>A list of distinct words out of several, with commas or as a YAML list.</summary>
    internal static ConfigType<IReadOnlyList<string>> SomeOf(params string[] words)
    {
        return new Parsed<IReadOnlyList<string>>(
            "a list of any of " + string.Join(", ", words), Parse, static list => $"[{string.Join(", ", list)}]")
        {
            IsList = true,
        };

        (bool, IReadOnlyList<string>) Parse(string text)
        {
            var inner = text is ['[', .., ']'] ? text[1..^1] : text;
            var parts = inner.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            string[] named = [.. parts.Distinct()];
            return (named.All(words.Contains), named);
        }
    }

    /// <summary>Networks as address and length of the prefix.</summary>
    internal static ConfigType<IReadOnlyList<IPNetwork>> Networks { get; } = ListOf(
        "networks, such as 10.0.0.0/8 or ::1/128",
        static t => (IPNetwork.TryParse(t, out var network), network));

    /// <summary>Addresses with a port.</summary>
    internal static ConfigType<IReadOnlyList<IPEndPoint>> EndPoints { get; } = ListOf(
        "address:port, such as 127.0.0.1:53 or [::1]:53",
        static t => (IPEndPoint.TryParse(t, out var at) && t.LastIndexOf(':') > t.LastIndexOf(']'), at!));

    /// <summary>Names of servers, with or without a port, or globs.</summary>
    internal static ConfigType<IReadOnlyList<string>> ServerPatterns { get; } = ListOf(
        "server names, in which * and ? are wildcards, such as example.org or *.example.org",
        static t => (t.All(c => char.IsAsciiLetterOrDigit(c) || "-.:[]*?".Contains(c)), t));

    /// <summary>Mail addresses, or globs.</summary>
    internal static ConfigType<IReadOnlyList<string>> AddressPatterns { get; } = ListOf(
        "mail addresses, in which * is a wildcard, such as *@example.org",
        static t => (t.Contains('@') && !t.Any(char.IsWhiteSpace), t));

    /// <summary>Countries by their codes of ISO 3166-1.</summary>
    internal static ConfigType<IReadOnlyList<string>> Countries { get; } = ListOf(
        "countries, such as DE or GB", static t => (t.Length == 2 && t.All(char.IsAsciiLetterUpper), t));

    /// <summary>Names of servers, with or without a port.</summary>
    internal static ConfigType<IReadOnlyList<string>> ServerNames { get; } = ListOf(
        "server names, such as example.org or localhost:8448", static t => (Core.Ident.ServerName.IsValid(t), t));

    /// <summary>Beginnings of URLs, with the whole host.</summary>
    internal static ConfigType<IReadOnlyList<string>> UrlBeginnings { get; } = ListOf(
        "beginnings of URLs with a scheme and host, such as https://chat.example.org/ or org.example.app:/",
        static t => (Uri.TryCreate(t, UriKind.Absolute, out _) && t.All(static c => c is > ' ' and < '\x7F'), t));

    /// <summary>Origins of pages.</summary>
    internal static ConfigType<IReadOnlyList<string>> Origins { get; } = ListOf(
        "origins, such as https://example.org",
        static t =>
        {
            // An origin has no brackets of its own: these are the list's.
            var origin = t.Trim('[', ']');
            return (
                Uri.TryCreate(origin, UriKind.Absolute, out var u)
                    && u.Scheme is "https" or "http"
                    && u.GetLeftPart(UriPartial.Authority) == origin,
                origin);
        });

    /// <summary>Files and folders.</summary>
    internal static ConfigType<IReadOnlyList<string>> Paths { get; } = ListOf(
        "paths of files or folders", static t => (t.Length > 0, t));

    /// <summary>Users and mail addresses of people. Their values are shown, and not checked further.</summary>
    internal static ConfigType<IReadOnlyList<string>> Contacts { get; } = ListOf(
        "user ids and mail addresses, such as @admin:example.org or admin@example.org",
        static t => (t.StartsWith('@') ? Core.Ident.UserId.IsValid(t) : t.IndexOf('@', 1) is > 0 and var at
            && at < t.Length - 1 && !t.Any(char.IsWhiteSpace), t));

    /// <summary>Ids of rooms.</summary>
    internal static ConfigType<IReadOnlyList<string>> RoomIds { get; } = ListOf(
        "room ids, such as \"!list:example.org\"", static t => (RoomId.IsValid(t), t));

    /// <summary>Addresses of TURN servers.</summary>
    internal static ConfigType<IReadOnlyList<string>> TurnUris { get; } = ListOf(
        "addresses that start with turn: or turns:, such as turn:turn.example.org?transport=udp",
        static t => (
            (t.StartsWith("turn:", StringComparison.Ordinal) || t.StartsWith("turns:", StringComparison.Ordinal))
                && Uri.IsWellFormedUriString(t, UriKind.Absolute),
            t));

    /// <summary>A public Ed25519 key.</summary>
    internal static ConfigType<string> PublicKeyOrNone { get; } = new Parsed<string>(
        "an Ed25519 key of 32 bytes as unpadded Base64, or nothing",
        static t => (t.Length == 0 || IsPublicKey(t), t),
        static t => t.Length == 0 ? "\"\"" : t);

    /// <summary>Further members of `/.well-known/matrix/client`.</summary>
    internal static ConfigType<JsonObject> WellKnownMembers { get; } = new Parsed<JsonObject>(
        "names with values, or a JSON object, without m.homeserver (that is public_base_url), and with a base_url that "
            + "starts with https:// if it has m.identity_server",
        static t => (IsWellKnown(t, out var members), members),
        static members => Encoding.UTF8.GetString(CanonicalJson.Bytes(Json.Of(members))))
    {
        IsObject = true,
    };

    private static bool IsWellKnown(string text, out JsonObject members) =>
        JsonText.TryParseObject(
            Encoding.UTF8.GetBytes(text), Reading.Client, JsonText.ClientBodyLimits, out members, out _)
        && !members.Has("m.homeserver")
        && (!members.Has("m.identity_server")
            || (JsonText.TryGet(members, "m.identity_server", out var identity)
                && identity is Json.Object { Item: var server }
                && server.Text("base_url") is { } url
                && url.StartsWith("https://", StringComparison.Ordinal)
                && Uri.IsWellFormedUriString(url, UriKind.Absolute)));

    private static bool IsPublicKey(string text)
    {
        // Both alphabets of Base64 are in use for these keys.
        var standard = text.Replace('-', '+').Replace('_', '/');
        Span<byte> key = stackalloc byte[33];
        return text.Length == 43 && Convert.TryFromBase64String(standard + "=", key, out var length) && length == 32;
    }

    /// <summary>A list, with commas or as a YAML list. Brackets may belong to an address, except in `[]`.</summary>
    private static Parsed<IReadOnlyList<T>> ListOf<T>(string expected, Func<string, (bool Ok, T Value)> parse)
    {
        return new Parsed<IReadOnlyList<T>>(
            "a list of " + expected, Parse, static list => $"[{string.Join(", ", list)}]")
        {
            IsList = true,
        };

        (bool, IReadOnlyList<T>) Parse(string text)
        {
            var items = text == "[]" ? "" : text;
            var parts = items.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Select(parse).ToList();
            return (parts.TrueForAll(part => part.Ok), [.. parts.Select(part => part.Value)]);
        }
    }

    /// <summary>Types of options that can be written in one way only. After the types themselves.</summary>
    private static readonly Dictionary<Type, ConfigType> _byOption = new()
    {
        [typeof(TimeSpan)] = Duration,
        [typeof(TimeSpan?)] = DurationOrEver,
        [typeof(DateTimeOffset?)] = TimeOrNone,
        [typeof(IPEndPoint)] = Listener,
        [typeof(IReadOnlyList<IPNetwork>)] = Networks,
        [typeof(IReadOnlyList<IPEndPoint>)] = EndPoints,
        [typeof(JsonObject)] = WellKnownMembers,
        [typeof(IReadOnlyList<JsonObject>)] = new RtcTransportsType { IsObject = true },
        [typeof(IReadOnlyList<SsoProvider>)] = new SsoProvidersType { IsObject = true },
        [typeof(IReadOnlyList<PolicyDocument>)] = new PoliciesType { IsObject = true },
    };

    private static string ShowBytes(long bytes) =>
        _byteUnits.Where(u => bytes % u.Size == 0 && bytes >= u.Size).Select(u => $"{bytes / u.Size}{u.Name}")
            .FirstOrDefault("0");

    private static bool TryParseUnits(string text, (string Name, long Size)[] units, out long value)
    {
        value = 0;
        var digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        var unit = digits < 0 ? "" : text[digits..].Trim();
        if (digits < 0) digits = text.Length;
        if (!long.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }

        foreach (var (name, size) in units)
        {
            if (name != unit) continue;
            if (number > long.MaxValue / size) return false;
            value = number * size;
            return true;
        }

        return false;
    }

    private sealed class Parsed<T>(
        string expected, Func<string, (bool Ok, T Value)> parse, Func<T, string>? show = null)
        : ConfigType<T>(expected)
    {
        internal override bool TryParse(string text, [MaybeNullWhen(false)] out T value)
        {
            (var ok, value) = parse(text);
            return ok;
        }

        internal override string Show(T value) => show is null ? base.Show(value) : show(value);
    }

    /// <summary>Names of an enumeration, written in small letters.</summary>
    private sealed class NamesOf(Type type, string[] words, string[] synonyms)
        : ConfigType("one of " + string.Join(", ", [.. words, .. synonyms.Select(static each => each.Split('=')[0])]))
    {
        internal override bool TryRead(string text, out object? value)
        {
            var word = Array.Find(synonyms, each => each.StartsWith(text + "=", StringComparison.Ordinal)) is { } known
                ? known[(text.Length + 1)..]
                : text;
            value = words.Contains(word)
                ? Enum.Parse(type, word.Replace("_", "", StringComparison.Ordinal), ignoreCase: true)
                : null;
            return value is not null;
        }

        internal override string Write(object? value) => words.First(
            word => TryRead(word, out var meant) && Equals(meant, value));
    }
}
