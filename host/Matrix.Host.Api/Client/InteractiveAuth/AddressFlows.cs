using Matrix.Host.Users;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>Adds mail addresses and phone numbers to the flows of registration.</summary>
internal sealed class AddressFlows(Validations validations, UsersOptions options)
{
    /// <summary>
    /// The flows with the addresses that are required, and those with the addresses that may be given.
    /// </summary>
    internal List<AuthFlow> Of(IReadOnlyList<AuthFlow> flows)
    {
        var all = new List<AuthFlow>();
        foreach (var flow in flows)
        {
            var (email, phone) = Required(flow.Stages.Contains(AuthStage.RegistrationToken));
            var mayAddEmail = !email && validations.Supports(Medium.Email);
            var mayAddPhone = !phone && validations.Supports(Medium.Phone);
            all.Add(Ended(With(flow, email, phone), isBeginning: mayAddEmail || mayAddPhone));
            if (mayAddEmail) all.Add(With(flow, true, phone));
            if (mayAddPhone) all.Add(With(flow, email, true));
        }

        return all;
    }

    /// <summary>The addresses that a registration needs.</summary>
    /// <param name="byToken">Whether it is by a registration token.</param>
    internal (bool Email, bool Phone) Required(bool byToken)
    {
        // The first user may register before mail works, if the token is only theirs.
        var isFirstUser = byToken && !options.RegistrationRequiresToken;
        return (
            options.RegistrationRequiresEmail && !isFirstUser, options.RegistrationRequiresPhone && !isFirstUser);
    }

    /// <summary>A flow that is the beginning of another one needs the dummy stage. "Dummy Auth".</summary>
    private static AuthFlow Ended(AuthFlow flow, bool isBeginning) =>
        !isBeginning || flow.Stages.Contains(AuthStage.Dummy) || flow.Stages.Contains(AuthStage.RegistrationToken)
            ? flow
            : new AuthFlow([.. flow.Stages, AuthStage.Dummy]);

    private static AuthFlow With(AuthFlow flow, bool email, bool phone)
    {
        if (!email && !phone) return flow;
        List<string> stages = [.. flow.Stages.Where(static stage => stage != AuthStage.Dummy)];
        if (phone) stages.Add(AuthStage.Phone);
        if (email) stages.Add(AuthStage.Email);
        return new AuthFlow([.. stages]);
    }
}
