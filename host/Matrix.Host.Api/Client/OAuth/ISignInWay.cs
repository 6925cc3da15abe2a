namespace Matrix.Host.Api.Client.OAuth;

/// <summary>
/// A way to sign in that the sign-in page leads to, beside the password. When it is done, it calls
/// <see cref="Browsers.SignIn"/>, which signs the browser in and goes on.
/// </summary>
internal interface ISignInWay
{
    /// <summary>Whether it leads back to any page, also where the pages of OAuth are off.</summary>
    bool IsForLogin => false;

    /// <summary>The links to show now; none if the way is closed.</summary>
    /// <param name="next">Where the browser goes on: <see cref="OAuthPaths.NextOf"/> has checked it.</param>
    ValueTask<IReadOnlyList<SignInLink>> LinksAsync(string next, CancellationToken stop);
}

/// <summary>A link on the sign-in page.</summary>
/// <param name="Label">Its text, such as `Continue with Example`.</param>
/// <param name="Path">Where it leads.</param>
internal sealed record SignInLink(string Label, string Path);
