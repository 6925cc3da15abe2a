namespace Matrix.Host.Network.Checking;

/// <summary>The outcome of a step of a check.</summary>
public enum CheckOutcome
{
    /// <summary>It is as it should be.</summary>
    Passed,

    /// <summary>Nothing is wrong with it, but it explains what follows.</summary>
    Noted,

    /// <summary>Requests to the server fail, or may fail, because of it.</summary>
    Failed,
}

/// <summary>A step of a check.</summary>
/// <param name="Step">What was checked: "dns", "tls", "keys" and so on.</param>
/// <param name="Text">What was found, in one line.</param>
public sealed record CheckStep(string Step, CheckOutcome Outcome, string Text)
{
    internal static CheckStep Passed(string step, string text) => new(step, CheckOutcome.Passed, text);

    internal static CheckStep Noted(string step, string text) => new(step, CheckOutcome.Noted, text);

    internal static CheckStep Failed(string step, string text) => new(step, CheckOutcome.Failed, text);
}
