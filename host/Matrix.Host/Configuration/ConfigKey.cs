using System.Linq.Expressions;
using System.Reflection;

namespace Matrix.Host.Configuration;

/// <summary>One setting: its name, what it may hold, its default, what it means, and which option it sets.</summary>
internal abstract class ConfigKey(string path, string meaning)
{
    /// <summary>The name with its levels, such as `limits.body`.</summary>
    internal string Path { get; } = path;

    /// <summary>What it means, for the commented file.</summary>
    internal string Meaning { get; } = meaning;

    /// <summary>The variable that overrides it.</summary>
    internal string Variable => VariableOf(Path);

    /// <summary>Whether the commented file leaves it out: for tests of the server itself.</summary>
    internal bool Hidden { get; init; }

    /// <summary>Whether it holds a list; a file may have a YAML list for it.</summary>
    internal abstract bool IsList { get; }

    /// <summary>The default as it is written in a file.</summary>
    internal abstract string DefaultText { get; }

    /// <summary>A variable's name: levels are joined by two underscores.</summary>
    internal static string VariableOf(string path) => "MATRIX_" + path.ToUpperInvariant().Replace(".", "__", StringComparison.Ordinal);

    /// <summary>What is expected, if the text is not a value of this setting; null if it is one.</summary>
    internal abstract string? Mistake(string text);

    /// <summary>Sets the option to a text that has been checked.</summary>
    internal abstract void Apply(HomeserverConfig config, string text);
}

/// <summary>A setting of one type.</summary>
internal sealed class ConfigKey<T> : ConfigKey
{
    private readonly ConfigType<T> _type;
    private readonly PropertyInfo[] _option;

    /// <summary>A setting of an option; its default is the option's own.</summary>
    internal ConfigKey(string path, ConfigType<T> type, Expression<Func<HomeserverConfig, T>> option, string meaning)
        : base(path, meaning)
    {
        _type = type;
        _option = [.. Steps(option.Body).Reverse()];
        Default = (T)_option.Aggregate((object?)HomeserverConfig.Defaults, static (part, step) => step.GetValue(part))!;
    }

    /// <summary>A setting that sets no option: what it says is looked up when the configuration is made.</summary>
    internal ConfigKey(string path, ConfigType<T> type, T otherwise, string meaning)
        : base(path, meaning)
    {
        _type = type;
        _option = [];
        Default = otherwise;
    }

    /// <summary>What it holds if nobody says.</summary>
    internal T Default { get; }

    internal override bool IsList => _type.IsList;

    internal override string DefaultText => _type.Show(Default);

    internal override string? Mistake(string text) => _type.TryParse(text, out _) ? null : _type.Expected;

    internal override void Apply(HomeserverConfig config, string text)
    {
        if (_option.Length > 0) Set(config, _option, Parse(text));
    }

    /// <summary>The value of a text that has been checked.</summary>
    internal T Parse(string text) =>
        _type.TryParse(text, out var value) ? value : throw new InvalidOperationException($"{Path}: {text} was not checked.");

    private static void Set(object part, ReadOnlySpan<PropertyInfo> option, object? value)
    {
        if (option.Length == 1)
        {
            option[0].SetValue(part, value);
            return;
        }

        var inner = option[0].GetValue(part)!;
        Set(inner, option[1..], value);
        // What was got of a struct is a copy.
        if (option[0].PropertyType.IsValueType) option[0].SetValue(part, inner);
    }

    private static IEnumerable<PropertyInfo> Steps(Expression? expression)
    {
        for (; expression is MemberExpression { Member: PropertyInfo step } member; expression = member.Expression) yield return step;
        if (expression is not ParameterExpression) throw new ArgumentException("An option is named by properties alone.");
    }
}
