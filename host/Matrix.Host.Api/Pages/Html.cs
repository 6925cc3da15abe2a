using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace Matrix.Host.Api.Pages;

/// <summary>HTML that is safe to send: literals of the source, and values that were escaped.</summary>
internal readonly struct Html
{
    private readonly string? _text;

    private Html(string text) => _text = text;

    /// <summary>No HTML.</summary>
    internal static Html Empty { get; }

    /// <summary>HTML from an interpolated string. A value that is not itself <see cref="Html"/> is escaped.</summary>
    internal static Html Of(ref Handler html) => new(html.Text);

    /// <summary>Pieces one after the other.</summary>
    internal static Html Join(IEnumerable<Html> pieces) => new(string.Concat(pieces.Select(static p => p.ToString())));

    /// <summary>The HTML.</summary>
    public override string ToString() => _text ?? "";

    /// <summary>Builds HTML from an interpolated string.</summary>
    [InterpolatedStringHandler]
    internal readonly ref struct Handler
    {
        private readonly StringBuilder _html;

        /// <summary>The compiler calls it with the literals' length and the number of values.</summary>
        public Handler(int literalLength, int formattedCount) =>
            _html = new StringBuilder(literalLength + (16 * formattedCount));

        internal string Text => _html.ToString();

        /// <summary>A literal of the source.</summary>
        public void AppendLiteral(string literal) => _html.Append(literal);

        /// <summary>HTML.</summary>
        public void AppendFormatted(Html html) => _html.Append(html.ToString());

        /// <summary>Text, in an element or in a quoted attribute.</summary>
        public void AppendFormatted(string? text) => _html.Append(WebUtility.HtmlEncode(text));

        /// <summary>Another value, as text.</summary>
        public void AppendFormatted<T>(T value) => AppendFormatted(Convert.ToString(value, Invariant));

        private static IFormatProvider Invariant => System.Globalization.CultureInfo.InvariantCulture;
    }
}
