namespace Matrix.Import.Configuration.Table;

/// <summary>A setting of Synapse's.</summary>
/// <param name="Name">Its path, such as `email.smtp_host`. Members of a list's items have that list's path.</param>
/// <param name="Handling">What is done with it.</param>
internal sealed record SettingRow(string Name, SettingHandling Handling)
{
    /// <summary>The settings of this server that it becomes.</summary>
    internal IReadOnlyList<string> Targets { get; private init; } = [];

    /// <summary>What the operator is told; of a carried one without targets, what the import does with it.</summary>
    internal string Sentence { get; private init; } = "";

    /// <summary>Values with which nothing is different: `true`, `false`, a text, or `[]` for what is empty.</summary>
    internal IReadOnlyList<string> Harmless { get; private init; } = [];

    internal static SettingRow Group(string name) => new(name, SettingHandling.Group);

    internal static SettingRow Carried(string name, params string[] targets) =>
        new(name, SettingHandling.Carried) { Targets = targets };

    /// <summary>One that the import needs itself.</summary>
    internal static SettingRow Read(string name, string sentence) =>
        new(name, SettingHandling.Carried) { Sentence = sentence };

    internal static SettingRow Costless(string name, string sentence) =>
        new(name, SettingHandling.Costless) { Sentence = sentence };

    internal static SettingRow Listed(string name, string sentence, params string[] harmless) =>
        new(name, SettingHandling.Listed) { Sentence = sentence, Harmless = harmless };

    internal static SettingRow Refused(string name, string sentence, params string[] harmless) =>
        new(name, SettingHandling.Refused) { Sentence = sentence, Harmless = harmless };
}
